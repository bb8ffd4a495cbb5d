"""From the bytes of a request to what the model reads."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.errors import BadImageError
from detector.headers import picture_size

Picture = NDArray[np.uint8]

PADDING = 114  # the grey that fills what a picture leaves empty; training uses this very function


def decode(data: bytes, max_pixels: int) -> Picture:
    """Decode PNG, JPEG or WebP into an upright picture (height, width, BGR), or raise BadImageError.

    The size is read from the header first: a small file may unpack to gigabytes.
    """
    width, height = picture_size(data)
    if width * height > max_pixels:
        raise BadImageError(f"the picture has {width}x{height} pixels; the limit is {max_pixels} in all")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise BadImageError("the picture cannot be decoded") from error
    if picture is None:
        raise BadImageError("the picture cannot be decoded")
    return np.asarray(picture, np.uint8)


def letterbox(picture: Picture, width: int, height: int) -> tuple[Picture, tuple[float, float]]:
    """Scale a picture into the top left of a width x height canvas: (canvas, (x scale, y scale)).

    Dividing a box on the canvas by the two scales gives the box on the picture.
    """
    rows, columns = picture.shape[:2]
    scale = min(width / columns, height / rows)
    size = max(1, min(width, round(columns * scale))), max(1, min(height, round(rows * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.full((height, width, 3), PADDING, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=method)
    return canvas, (size[0] / columns, size[1] / rows)
