# -*- test-case-name: tests.functional.test_packaging -*-
"""What pyproject.toml cannot say: where the packages are.

``package_dir`` looks redundant and is not: without it an editable install
maps each package by an import hook, which hides ``twisted/plugins`` from twistd.
"""

from setuptools import find_packages, setup

setup(
    package_dir={"": "."},
    # twisted.plugins belongs to Twisted: we put one module into it and no __init__.py.
    packages=[*find_packages(include=["sockjsd", "sockjsd.*"]), "twisted.plugins"],
    package_data={"sockjsd": ["py.typed"]},
)
