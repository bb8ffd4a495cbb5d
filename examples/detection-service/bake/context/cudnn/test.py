"""Asks the library for its version."""

import ctypes
import os

major, minor, patch = (int(part) for part in os.environ["CUDNN_VERSION"].split(".")[:3])
cudnn = ctypes.CDLL(f"libcudnn.so.{major}")
cudnn.cudnnGetVersion.restype = ctypes.c_size_t
found = cudnn.cudnnGetVersion()
wanted = (10000 if major >= 9 else 1000) * major + 100 * minor + patch
assert found == wanted, f"cuDNN {found}, not {wanted}"
print(f"cudnn: {found}")
