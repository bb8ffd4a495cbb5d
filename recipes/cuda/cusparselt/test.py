"""Asks the library for its version."""

import ctypes

cusparselt = ctypes.CDLL("libcusparseLt.so.0")
major = ctypes.c_int(-1)
assert cusparselt.cusparseLtGetProperty(0, ctypes.byref(major)) == 0  # 0: MAJOR_VERSION
assert major.value == 0, major.value
print("cusparselt: libcusparseLt.so.0")
