"""What a detection answers. Apart from the pipeline, so that the web side needs no model library."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Detection:
    """One object: its label, how sure the model is, and its box in the picture's own pixels."""

    label: str
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Found:
    """What is on one picture, and the picture's size."""

    width: int
    height: int
    detections: tuple[Detection, ...]


@dataclass(frozen=True)
class Result:
    """What is on each picture of a request, and the seconds that each step took for all of them.

    `inferred` of the pictures went through the model; `cache` counts what the cache said of them.
    """

    pictures: tuple[Found, ...]
    seconds: dict[str, float]
    inferred: int
    cache: dict[str, int] = field(default_factory=dict)
