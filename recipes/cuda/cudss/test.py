"""Asks the library for its version."""

import ctypes

cudss = ctypes.CDLL("libcudss.so.0")
major = ctypes.c_int(-1)
assert cudss.cudssGetProperty(0, ctypes.byref(major)) == 0  # 0: MAJOR_VERSION
assert major.value == 0, major.value
print("cudss: libcudss.so.0")
