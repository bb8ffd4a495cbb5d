"""Runs a network of three layers, made here byte by byte, for one row and for many; on CUDA if there is a GPU."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
from edgebake_bench import measure

WIDTH, LAYERS, ROWS = 512, 3, 64


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


def constant(name, values):
    sizes = b"".join(field(1, size) for size in values.shape)
    return field(5, sizes + field(2, 1) + field(8, name.encode()) + field(9, values.tobytes()))


def tensor(number, name):
    sizes = field(1, field(2, b"n")) + field(1, field(1, WIDTH))  # as many rows as one likes
    return field(number, field(1, name.encode()) + field(2, field(1, field(1, 1) + field(2, sizes))))


random = np.random.RandomState(0)
graph = field(2, b"bench")
for layer in range(LAYERS):
    graph += node("MatMul", [f"x{layer}", f"w{layer}"], f"p{layer}") + node("Relu", [f"p{layer}"], f"x{layer + 1}")
    graph += constant(f"w{layer}", (random.rand(WIDTH, WIDTH).astype(np.float32) - np.float32(0.5)) / WIDTH)
graph += tensor(11, "x0") + tensor(12, f"x{LAYERS}")
model = field(1, 8) + field(7, graph) + field(8, field(2, 13))  # IR version 8, operator set 13

ways = [("CPU", "CPUExecutionProvider")]
if any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu")):
    ways += [
        (n, f"{n}ExecutionProvider") for n in ("CUDA",) if f"{n}ExecutionProvider" in ort.get_available_providers()
    ]
for title, provider in ways:
    session = ort.InferenceSession(model, providers=[provider])
    for rows in (1, ROWS):
        data = {"x0": random.rand(rows, WIDTH).astype(np.float32)}
        what = f"3 layers of {WIDTH}, {rows} row{'s' if rows > 1 else ''}, {title}"
        measure(what, lambda session=session, data=data: session.run(None, data), items=rows, unit="rows")
