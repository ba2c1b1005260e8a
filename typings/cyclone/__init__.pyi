# What sockjsd and its users need of cyclone 1.3, which has no annotations.
version: str
version_info: tuple[int, ...]
