"""The image's own test: the installed service finds the three shapes of a picture, and nothing on a blank one."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import cv2
import numpy as np
from detector.config import load_settings
from detector.pipeline import Pipeline
from detector.results import Detection

TESTDATA = Path(__file__).resolve().parent / "testdata"
TOLERANCE = 4.0  # pixels for each side of a box


def is_at(detection: Detection, box: list[float]) -> bool:
    """Tell whether all four sides are where they should be, within the tolerance."""
    return max(abs(found - wanted) for found, wanted in zip(detection.box, box, strict=True)) <= TOLERANCE


def main() -> None:
    """Run the service's pipeline as the server does, without HTTP; an AssertionError says what is wrong."""
    settings = load_settings(os.environ)
    pipeline = Pipeline(settings)
    expected = json.loads((TESTDATA / "three-shapes.json").read_text())
    blank = cv2.imencode(".png", np.full((120, 160, 3), 128, np.uint8))[1].tobytes()

    pictures = [(TESTDATA / "three-shapes.png").read_bytes(), blank]
    shapes, nothing = pipeline.detect(pictures, settings.score, settings.iou).pictures
    found = {detection.label: detection for detection in shapes.detections}
    assert len(shapes.detections) == len(expected), f"expected {expected}, found {shapes.detections}"
    assert found.keys() == expected.keys(), f"expected {sorted(expected)}, found {sorted(found)}"
    for label, box in expected.items():
        assert is_at(found[label], box), f"{label}: expected {box}, found {found[label].box}"
    assert not nothing.detections, f"found {nothing.detections} on a blank picture"
    print(
        f"detection-app: {len(expected)} shapes found on {platform.machine()} with {', '.join(pipeline.providers)}"
    )


if __name__ == "__main__":
    main()
