"""Compiles a matrix product to machine code, and compares its result with numbers that are known."""

import numpy as np
import tvm
from tvm import te

a = te.placeholder((3, 4), "float32", name="a")
b = te.placeholder((4, 2), "float32", name="b")
k = te.reduce_axis((0, 4), name="k")
product = te.compute((3, 2), lambda i, j: te.sum(a[i, k] * b[k, j], axis=k), name="product")
function = te.create_prim_func([a, b, product])
compiled = tvm.compile(function, target="llvm")

x = np.arange(12, dtype=np.float32).reshape(3, 4)
y = np.arange(8, dtype=np.float32).reshape(4, 2)
result = tvm.runtime.tensor(np.zeros((3, 2), np.float32))
compiled(tvm.runtime.tensor(x), tvm.runtime.tensor(y), result)
assert result.numpy().tolist() == [[28, 34], [76, 98], [124, 162]], result.numpy()
assert np.array_equal(result.numpy(), x @ y)

# A wrong shape is refused by the compiled code, not read beyond its end.
try:
    compiled(tvm.runtime.tensor(x[:2]), tvm.runtime.tensor(y), result)
except (RuntimeError, TypeError, ValueError):
    pass
else:
    raise AssertionError("a wrong shape was taken")
print(f"tvm: {tvm.__version__}")
