"""Builds y = relu(x · w + b) and runs it on the CPU; stores the model and runs it again."""

import tempfile
from pathlib import Path

import numpy as np
import openvino as ov

try:
    from openvino import opset13 as ops
except ImportError:
    from openvino.runtime import opset13 as ops

x = ops.parameter([2, 3], np.float32, name="x")
weight = ops.constant(np.array([[1, -1], [2, 0.5], [-3, 4]], np.float32))
bias = ops.constant(np.array([0.5, -10], np.float32))
model = ov.Model([ops.relu(ops.add(ops.matmul(x, weight, False, False), bias))], [x], "test")

core = ov.Core()
assert "CPU" in core.available_devices, core.available_devices
exact = {"INFERENCE_PRECISION_HINT": "f32"}
given = np.array([[1, 2, 3], [4, 5, -6]], np.float32)
expected = [[0, 2], [32.5, 0]]
result = core.compile_model(model, "CPU", exact)([given])[0]
assert np.allclose(result, expected), result

with tempfile.TemporaryDirectory() as folder:
    path = str(Path(folder, "model.xml"))
    ov.save_model(model, path, compress_to_fp16=False)
    again = core.compile_model(path, "CPU", exact)([given])[0]
assert np.allclose(again, expected), again
print(f"openvino: {ov.__version__}")
