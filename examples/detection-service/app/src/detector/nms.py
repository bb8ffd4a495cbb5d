"""Non-maximum suppression by the native library. There is no Python stand-in: without it nothing starts."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.errors import ConfigError, DetectorError

ABI = 1  # EDGENMS_ABI of the header that the signatures below were written for


class NmsError(DetectorError):
    """The library refused its input."""


class NmsLibrary:
    """libedgenms.so, loaded and checked. Calls release the interpreter lock and keep no state."""

    def __init__(self, path: Path) -> None:
        """Load the library, or raise ConfigError."""
        try:
            self._library = ctypes.CDLL(str(path))
            _declare(self._library)
        except (OSError, AttributeError) as error:
            raise ConfigError(f"cannot use the NMS library {path}: {error}") from error
        self.path = path
        self.abi = int(self._library.edgenms_abi())
        if self.abi != ABI:
            raise ConfigError(f"the NMS library {path} has ABI {self.abi}; this service needs {ABI}")

    def keep(
        self,
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        classes: NDArray[np.int32],
        iou: float,
        limit: int,
    ) -> NDArray[np.int64]:
        """Return the indices of the boxes that stay, best first, at most `limit`; NmsError on bad input."""
        count = len(scores)
        if boxes.shape != (count, 4) or scores.shape != (count,) or classes.shape != (count,):
            raise NmsError(f"shapes differ: boxes {boxes.shape}, scores {scores.shape}, classes {classes.shape}")
        # Kept in names until after the call: ctypes holds no reference to an array's memory.
        boxes = np.ascontiguousarray(boxes, np.float32)
        scores = np.ascontiguousarray(scores, np.float32)
        classes = np.ascontiguousarray(classes, np.int32)
        kept = ctypes.c_int64()
        indices = np.empty(min(count, max(limit, 0)), np.int64)
        status = self._library.edgenms_run(
            boxes.ctypes.data,
            scores.ctypes.data,
            classes.ctypes.data,
            count,
            iou,
            limit,
            indices.ctypes.data,
            ctypes.byref(kept),
        )
        if status != 0:
            raise NmsError(self._library.edgenms_message(status).decode())
        return indices[: kept.value]


def _declare(library: ctypes.CDLL) -> None:
    """Tell ctypes the signatures: without them it would cut pointers to 32 bits."""
    library.edgenms_abi.argtypes = []
    library.edgenms_abi.restype = ctypes.c_int32
    library.edgenms_message.argtypes = [ctypes.c_int32]
    library.edgenms_message.restype = ctypes.c_char_p
    pointer, size = ctypes.c_void_p, ctypes.c_int64
    library.edgenms_run.argtypes = [
        pointer,
        pointer,
        pointer,
        size,
        ctypes.c_float,
        size,
        pointer,
        ctypes.POINTER(ctypes.c_int64),
    ]
    library.edgenms_run.restype = ctypes.c_int32
