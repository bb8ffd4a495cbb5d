"""Checks that pip lies where other stages borrow it, and knows the wheel tags of PEP 600."""

import sys

sys.path.insert(0, "/usr/lib/python3/dist-packages")  # before a pip of the environment's own

import pip
from pip._internal.utils.compatibility_tags import get_supported

assert pip.__file__.startswith("/usr/lib/python3/dist-packages/"), f"pip is in {pip.__file__}"
platforms = ["manylinux_2_28_aarch64", "manylinux2014_aarch64"]
tags = {str(tag) for tag in get_supported(version="311", platforms=platforms, impl="cp")}
assert {f"cp311-cp311-{platform}" for platform in platforms} <= tags
print(f"pip-fetch: pip {pip.__version__}")
