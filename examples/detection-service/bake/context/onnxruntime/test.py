"""Runs a small model, made here byte by byte: y = relu(x · w + b); with CUDA and TensorRT, if they are there."""

import os
import struct
from pathlib import Path

import numpy as np
import onnxruntime as ort


def field(number, value):
    """Return a field of a protobuf message: a number, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value):
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def node(kind, inputs, output):
    names = b"".join(field(1, name.encode()) for name in inputs)
    return field(1, names + field(2, output.encode()) + field(4, kind.encode()))


def constant(name, shape, values):
    sizes = b"".join(field(1, size) for size in shape)
    raw = struct.pack(f"<{len(values)}f", *values)
    return field(5, sizes + field(2, 1) + field(8, name.encode()) + field(9, raw))


def tensor(number, name, shape):
    sizes = b"".join(field(1, field(1, size)) for size in shape)
    return field(number, field(1, name.encode()) + field(2, field(1, field(1, 1) + field(2, sizes))))


graph = (
    node("MatMul", ["x", "w"], "product")
    + node("Add", ["product", "b"], "sum")
    + node("Relu", ["sum"], "y")
    + field(2, b"test")
    + constant("w", [3, 2], [1, -1, 2, 0.5, -3, 4])
    + constant("b", [2], [0.5, -10])
    + tensor(11, "x", [2, 3])
    + tensor(12, "y", [2, 2])
)
model = field(1, 8) + field(7, graph) + field(8, field(2, 13))  # IR version 8, operator set 13

CPU, CUDA, TENSORRT = (f"{kind}ExecutionProvider" for kind in ("CPU", "CUDA", "Tensorrt"))
gpu = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))
known = ort.get_available_providers()  # what the package was built for
has_tensorrt = Path(ort.__file__).with_name("capi").joinpath("libonnxruntime_providers_tensorrt.so").exists()
assert (TENSORRT in known) == has_tensorrt, known
ways = [[CPU]]
if gpu and CUDA in known:
    ways.append([CUDA, CPU])
    if has_tensorrt and "TENSORRT_VERSION" in os.environ:
        ways.append([TENSORRT, CUDA, CPU])

x = np.array([[1, 2, 3], [4, 5, -6]], np.float32)
for wanted in ways:
    session = ort.InferenceSession(model, providers=wanted)
    assert session.get_providers()[0] == wanted[0], f"runs on {session.get_providers()}, not on {wanted[0]}"
    (y,) = session.run(["y"], {"x": x})
    # By hand: [1+4-9, -1+1+12] + b = [-3.5, 2], and [4+10+18, -4+2.5-24] + b = [32.5, -35.5].
    assert np.allclose(y, [[0, 2], [32.5, 0]], atol=1e-2), y
print(f"onnxruntime: {ort.__version__} on {', '.join(wanted[0] for wanted in ways)}")
