"""Read a picture's size from its first bytes, without decoding it.

The limit on pixels has to hold before a decoder allocates anything. Only the standard library is used.
"""

from __future__ import annotations

import struct

from detector.errors import BadImageError

SUPPORTED_TYPES = ("image/jpeg", "image/png", "image/webp")

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
# Start-of-frame markers carry the size; C4, C8 and CC lie in the same range but are tables.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_JPEG_SCAN, _JPEG_END = 0xDA, 0xD9


def picture_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) of a complete PNG, JPEG or WebP file, or raise BadImageError.

    A file that was cut off is refused too: decoders would fill the rest with grey and say nothing.
    """
    try:
        size = _size(data)
    except (struct.error, IndexError) as error:
        raise BadImageError("the picture is cut off") from error
    if min(size) < 1:
        raise BadImageError("the picture has no pixels")
    return size


def _size(data: bytes) -> tuple[int, int]:
    if data.startswith(_PNG):
        return _png_size(data)
    if data.startswith(_JPEG):
        return _jpeg_size(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp_size(data)
    raise BadImageError("the bytes are neither PNG nor JPEG nor WebP")


def _png_size(data: bytes) -> tuple[int, int]:
    kind, width, height = struct.unpack_from(">4sII", data, 12)
    if kind != b"IHDR":
        raise BadImageError("the PNG does not begin with its header")
    end = data.rfind(b"IEND")
    if end < 0 or end + 8 > len(data):  # a checksum of four bytes ends the file
        raise BadImageError("the picture is cut off")
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walk the segments up to the scan; the frame on the way has the size."""
    size: tuple[int, int] | None = None
    at = 2
    while True:
        if data[at] != 0xFF:
            raise BadImageError("the JPEG is damaged")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in _JPEG_BARE:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in _JPEG_FRAMES and size is None:
            height, width = struct.unpack_from(">HH", data, at + 5)
            size = width, height
        if marker in (_JPEG_SCAN, _JPEG_END):
            break
        at += 2 + length
    if size is None:
        raise BadImageError("the JPEG has no frame")
    if data.rfind(b"\xff\xd9") < at:
        raise BadImageError("the picture is cut off")
    return size


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise BadImageError("the picture is cut off")
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        low = struct.unpack_from("<HBHB", data, 24)
        return (low[0] | low[1] << 16) + 1, (low[2] | low[3] << 16) + 1
    raise BadImageError("the WebP is of an unknown kind")
