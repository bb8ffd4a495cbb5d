"""Synthetic pictures of circles, squares and triangles, with their boxes.

A picture is a function of (stream, seed, index) and of nothing else, so training, validation and
held-back pictures can never be the same ones, and picture 17 does not depend on picture 16.
Only numpy is needed: whoever evaluates a service needs no image library.

Run as a script it writes the test picture that the image's own test uses:
    python shapes.py --testdata ../app/testdata
"""

from __future__ import annotations

import argparse
import json
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]

LABELS = ("circle", "square", "triangle")
STREAMS = {"train": 1, "validation": 2, "held-back": 3, "testdata": 4}
CORNERS = {"square": 4, "triangle": 3}

MAX_SHAPES = 5
EMPTY_SHARE = 0.06  # pictures without any shape: the model must learn to say nothing
SMALLEST, LARGEST = 0.16, 0.42  # a shape's box, relative to the picture's shorter side
MAX_COVERED = 0.3  # how much of the smaller of two shapes may lie under or over the other
MIN_CONTRAST = 75.0  # distance in RGB from what lies around the shape


@dataclass(frozen=True)
class Shape:
    """One shape: its label, its box in pixels (x1, y1, x2, y2), what it covers, and its colour."""

    label: str
    box: tuple[float, float, float, float]
    mask: Floats
    colour: Floats


@dataclass(frozen=True)
class Sample:
    """A picture (height, width, RGB) and what is on it."""

    picture: Picture
    labels: tuple[str, ...]
    boxes: Floats


def sample(stream: str, seed: int, index: int, sides: tuple[int, int]) -> Sample:
    """Return picture `index` of a stream; its width and height lie within `sides`."""
    rng = np.random.default_rng([STREAMS[stream], seed, index])
    width, height = _size(rng, sides)
    picture = _background(rng, width, height)
    wanted = 0 if rng.random() < EMPTY_SHARE else int(rng.integers(1, MAX_SHAPES + 1))
    shapes: list[Shape] = []
    for _ in range(wanted):
        shape = _place(rng, picture, shapes)
        if shape is not None:
            picture = _paint(rng, picture, shape)
            shapes.append(shape)
    return _finish(rng, picture, shapes)


def samples(stream: str, seed: int, count: int, sides: tuple[int, int]) -> Iterator[Sample]:
    """Yield the first `count` pictures of a stream."""
    return (sample(stream, seed, index, sides) for index in range(count))


def blank(width: int, height: int, level: int) -> Picture:
    """Return a picture of one grey level, with nothing on it."""
    return np.full((height, width, 3), level, np.uint8)


def png(picture: Picture) -> bytes:
    """Encode an RGB picture as PNG, with the standard library only."""
    height, width, _ = picture.shape
    rows = np.zeros((height, 1 + width * 3), np.uint8)  # each row starts with its filter type, 0: none
    rows[:, 1:] = picture.reshape(height, width * 3)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _size(rng: np.random.Generator, sides: tuple[int, int]) -> tuple[int, int]:
    """Draw width and height, at most 3:2 apart, so that letterboxing leaves shapes visible."""
    longer = int(rng.integers(sides[0], sides[1] + 1))
    shorter = max(sides[0], int(longer * rng.uniform(2 / 3, 1)))
    return (longer, shorter) if rng.random() < 0.5 else (shorter, longer)


def _background(rng: np.random.Generator, width: int, height: int) -> Floats:
    """A linear gradient between two colours in any direction, or a single colour."""
    first, second = rng.uniform(0, 255, (2, 3))
    if rng.random() < 0.3:
        second = first
    ys, xs = np.mgrid[0:height, 0:width]
    angle = rng.uniform(0, 2 * math.pi)
    ramp = xs * math.cos(angle) + ys * math.sin(angle)
    ramp = (ramp - ramp.min()) / max(float(np.ptp(ramp)), 1.0)
    picture: Floats = first + ramp[..., None] * (second - first)
    return picture


def _place(rng: np.random.Generator, picture: Floats, others: list[Shape]) -> Shape | None:
    """Find a place and a colour for one more shape; None when the picture is too full for it."""
    for _ in range(12):
        label = str(rng.choice(LABELS))
        side = rng.uniform(SMALLEST, LARGEST) * min(picture.shape[:2])
        mask, box = _outline(rng, label, side, picture.shape[1], picture.shape[0])
        if any(_hidden(other.mask, mask) > MAX_COVERED for other in others):
            continue
        colour = _colour(rng, picture, mask)
        if colour is not None:
            return Shape(label, box, mask, colour)
    return None


def _hidden(below: Floats, above: Floats) -> float:
    """The share of the smaller of two shapes that both cover: no shape hides another or sits inside it."""
    return float(np.minimum(below, above).sum() / min(below.sum(), above.sum()))


def _outline(
    rng: np.random.Generator, label: str, side: float, width: int, height: int
) -> tuple[Floats, tuple[float, float, float, float]]:
    """Draw a shape whose box has `side` as its longer side, wholly inside the picture: (coverage, box)."""
    points = _points(rng, label)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = side / float((high - low).max())
    extent = (high - low) * scale
    origin = rng.uniform((1.0, 1.0), np.array([width, height]) - extent - 1.0)
    points = (points - low) * scale + origin
    ys, xs = np.mgrid[0:height, 0:width] + 0.5  # pixel centres
    distance = _inside_circle(xs, ys, origin, side) if label == "circle" else _inside_polygon(xs, ys, points)
    box = (*origin.tolist(), *(origin + extent).tolist())
    return np.clip(distance + 0.5, 0.0, 1.0), box


def _points(rng: np.random.Generator, label: str) -> Floats:
    """The corners of a regular polygon at any angle; for a circle, of the square around it."""
    if label == "circle":
        return np.array([(-1.0, -1.0), (1.0, 1.0)])
    corners = CORNERS[label]
    angles = rng.uniform(0, 2 * math.pi) + np.arange(corners) * (2 * math.pi / corners)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _inside_circle(xs: Floats, ys: Floats, origin: Floats, side: float) -> Floats:
    """The distance of each pixel to the edge of the circle, positive inside."""
    radius = side / 2
    distance: Floats = radius - np.hypot(xs - origin[0] - radius, ys - origin[1] - radius)
    return distance


def _inside_polygon(xs: Floats, ys: Floats, points: Floats) -> Floats:
    """The distance of each pixel to the nearest edge of a convex polygon, positive inside."""
    distance: Floats = np.full(xs.shape, np.inf)
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        length = math.hypot(x2 - x1, y2 - y1)
        distance = np.minimum(distance, ((x2 - x1) * (ys - y1) - (y2 - y1) * (xs - x1)) / length)
    return distance


def _colour(rng: np.random.Generator, picture: Floats, mask: Floats) -> Floats | None:
    """A colour that stands out from all that lies under the shape; None when three draws find none."""
    under = picture[mask > 0.5]
    for _ in range(3):
        colour = rng.uniform(0, 255, 3)
        if float(np.linalg.norm(under - colour, axis=1).min()) >= MIN_CONTRAST:
            return colour
    return None


def _paint(rng: np.random.Generator, picture: Floats, shape: Shape) -> Floats:
    """Paint a shape over the picture, a little brighter on one side than on the other."""
    ramp = np.linspace(-1, 1, picture.shape[1]) * rng.uniform(-25, 25)
    colour = shape.colour + ramp[None, :, None]
    mask = shape.mask[..., None]
    return picture * (1 - mask) + colour * mask


def _finish(rng: np.random.Generator, picture: Floats, shapes: list[Shape]) -> Sample:
    """Add camera-like noise, and round to bytes."""
    noise = rng.normal(0, rng.uniform(0, 14), picture.shape)
    pixels = np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)
    boxes = np.array([shape.box for shape in shapes], np.float64).reshape(-1, 4)
    return Sample(pixels, tuple(shape.label for shape in shapes), boxes)


def _write_testdata(folder: Path) -> None:
    """Write the first test picture that holds each label once, and what is on it."""
    for item in samples("testdata", 0, 1000, (160, 200)):
        if sorted(item.labels) == sorted(LABELS):
            break
    objects = {
        label: [round(value, 1) for value in box]
        for label, box in zip(item.labels, item.boxes.tolist(), strict=True)
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "three-shapes.png").write_bytes(png(item.picture))
    (folder / "three-shapes.json").write_text(json.dumps(objects, sort_keys=True) + "\n")


def main() -> None:
    """Write the test picture into the folder given on the command line."""
    parser = argparse.ArgumentParser(description="Write the picture that the image's own test uses.")
    parser.add_argument("--testdata", type=Path, required=True, help="folder to write into")
    _write_testdata(parser.parse_args().testdata)


if __name__ == "__main__":
    main()
