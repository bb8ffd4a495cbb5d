"""Checks the installed library: its machine, a small suppression with a known result, and its refusals."""

from __future__ import annotations

import ctypes
import os
import platform
from pathlib import Path

LIBRARY = Path(os.environ.get("DETECTOR_NMS_LIBRARY", "/usr/local/lib/libedgenms.so"))
ELF_MACHINES = {62: "x86_64", 183: "aarch64"}  # e_machine of the ELF header

# The second box lies on the first (IoU 0.68) and is of its class; the third does too, but is of another.
BOXES = [(0, 0, 10, 10), (1, 1, 11, 11), (1, 1, 11, 11), (50, 50, 60, 60)]
SCORES = [0.9, 0.8, 0.7, 0.95]
CLASSES = [0, 0, 1, 0]
EXPECTED = [3, 0, 2]


def elf_machine(path: Path) -> str:
    """Return the machine that a little-endian ELF file is for, in platform.machine()'s words."""
    header = path.read_bytes()[:20]
    assert header[:4] == b"\x7fELF", f"{path} is not an ELF file"
    number = int.from_bytes(header[18:20], "little")
    return ELF_MACHINES.get(number, f"ELF machine {number}")


def load(path: Path) -> ctypes.CDLL:
    """Load the library and declare the one function that the test calls."""
    library = ctypes.CDLL(str(path))
    library.edgenms_run.argtypes = [
        ctypes.POINTER(ctypes.c_float),
        ctypes.POINTER(ctypes.c_float),
        ctypes.POINTER(ctypes.c_int32),
        ctypes.c_int64,
        ctypes.c_float,
        ctypes.c_int64,
        ctypes.POINTER(ctypes.c_int64),
        ctypes.POINTER(ctypes.c_int64),
    ]
    return library


def run(library: ctypes.CDLL, scores: list[float], iou: float) -> tuple[int, list[int]]:
    """Suppress BOXES with these scores: (status, kept indices)."""
    count = len(BOXES)
    boxes = (ctypes.c_float * (4 * count))(*(value for box in BOXES for value in box))
    keep = (ctypes.c_int64 * count)()
    kept = ctypes.c_int64(-1)
    status = library.edgenms_run(
        boxes, (ctypes.c_float * count)(*scores), (ctypes.c_int32 * count)(*CLASSES), count, iou, count, keep, kept
    )
    return status, list(keep[: kept.value])


def main() -> None:
    """Run all checks; an AssertionError says which one failed."""
    machine = elf_machine(LIBRARY)
    assert machine == platform.machine(), f"{LIBRARY} is for {machine}, this is {platform.machine()}"
    library = load(LIBRARY)
    assert library.edgenms_abi() == 1
    assert run(library, SCORES, 0.5) == (0, EXPECTED)
    assert run(library, SCORES, 0.7) == (0, [3, 0, 1, 2])
    assert run(library, [0.9, float("nan"), 0.7, 0.95], 0.5) == (5, [])
    assert run(library, SCORES, 1.5) == (3, [])
    print(f"nms: {LIBRARY} ({machine}) suppresses as expected")


if __name__ == "__main__":
    main()
