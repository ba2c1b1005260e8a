# -*- test-case-name: tests.functional.test_packaging -*-
"""What pyproject.toml cannot say: where the packages are, and what is compiled.

``package_dir`` looks redundant and is not: without it an editable install
maps each package by an import hook, which hides ``twisted/plugins`` from twistd.
"""

from sysconfig import get_config_var

from setuptools import Extension, find_packages, setup

# Optional, so that a missing compiler is no failure: sockjsd/fanout.py has the same in Python.
FANOUT = Extension("sockjsd._fanout", ["sockjsd/_fanout.c"], optional=True, py_limited_api=True)
# It is about the GIL; a Python without one needs no cure, and has no limited API either.
COMPILED = not get_config_var("Py_GIL_DISABLED")

setup(
    package_dir={"": "."},
    # twisted.plugins belongs to Twisted: we put one module into it and no __init__.py.
    packages=[*find_packages(include=["sockjsd", "sockjsd.*"]), "twisted.plugins"],
    package_data={"sockjsd": ["py.typed", "*.pyi", "brokers/lua/*.lua"]},
    exclude_package_data={"sockjsd": ["*.c"]},
    ext_modules=[FANOUT] if COMPILED else [],
    # One wheel for every Python from 3.11.
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if COMPILED else {},
)
