"""Measure a detection service on held-back pictures: precision and recall at IoU 0.5.

    python evaluate.py http://localhost:8000            # each picture by itself, to /detect
    python evaluate.py http://localhost:8000 --batch 8  # to /batch_detect
    python evaluate.py --local                          # in this process, without HTTP

The pictures come from the generator's held-back stream, which training never reads. Blank pictures are
sent too: any box on them is a failure. Against a URL this needs numpy only; --local needs what the
service needs, and DETECTOR_NMS_LIBRARY. Exit code: 0, or 1 when a bound is missed, or 2 when the service
does not answer as it should.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "training"), str(HERE / "app" / "src")]
from shapes import LABELS, Sample, blank, png, samples  # noqa: E402

SIDES = (112, 400)  # sides of the held-back pictures: also larger ones than in training
MATCH = 0.5  # a box counts as found from this IoU on, given the right label
BLANKS = (0, 114, 255)  # grey levels of the blank pictures

Boxes = list[dict[str, Any]]
Detect = Callable[[Sequence[bytes]], list[Boxes]]


@dataclass
class Tally:
    """How often a label was found, claimed wrongly, and missed."""

    found: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        """The share of claims that are right."""
        return self.found / (self.found + self.wrong) if self.found + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """The share of objects that are found."""
        return self.found / (self.found + self.missed) if self.found + self.missed else 1.0

    def add(self, other: Tally) -> None:
        """Count another tally into this one."""
        self.found += other.found
        self.wrong += other.wrong
        self.missed += other.missed


def remote(url: str) -> Detect:
    """Return a function that sends pictures to a service: one to /detect, several to /batch_detect."""

    def detect(pictures: Sequence[bytes]) -> list[Boxes]:
        if len(pictures) == 1:
            return [_post(f"{url}/detect", pictures[0], "image/png")["boxes"]]
        boundary = uuid.uuid4().hex
        kind = f"multipart/form-data; boundary={boundary}"
        answer = _post(f"{url}/batch_detect", _form(pictures, boundary), kind)
        return [result["boxes"] for result in answer["results"]]

    return detect


def _form(pictures: Sequence[bytes], boundary: str) -> bytes:
    """A multipart form with all pictures in the field `files`."""
    head = (
        '--{}\r\nContent-Disposition: form-data; name="files"; filename="{}.png"\r\nContent-Type: image/png\r\n\r\n'
    )
    parts = [head.format(boundary, index).encode() + data + b"\r\n" for index, data in enumerate(pictures)]
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def _post(url: str, body: bytes, kind: str) -> Any:
    request = urllib.request.Request(url, body, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def local() -> Detect:
    """Return a function that runs the service's pipeline in this process."""
    from detector.config import load_settings
    from detector.pipeline import Pipeline

    model = HERE / "app" / "model"
    defaults = {"DETECTOR_MODEL": str(model / "shapes.onnx"), "DETECTOR_LABELS": str(model / "labels.json")}
    settings = load_settings({**defaults, **os.environ})
    pipeline = Pipeline(settings)

    def detect(pictures: Sequence[bytes]) -> list[Boxes]:
        result = pipeline.detect(pictures, settings.score, settings.iou)
        return [
            [{"label": each.label, "score": each.score, "box": each.box} for each in picture.detections]
            for picture in result.pictures
        ]

    return detect


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (areas - width * height)


def compare(item: Sample, claims: Boxes, label: str) -> Tally:
    """Match claims of one label to objects, the surest first; each object is found at most once."""
    open_boxes = [box for name, box in zip(item.labels, item.boxes.tolist(), strict=True) if name == label]
    tally = Tally()
    for claim in sorted((claim for claim in claims if claim["label"] == label), key=lambda claim: -claim["score"]):
        best = max(open_boxes, key=lambda box: overlap(box, claim["box"]), default=None)
        if best is not None and overlap(best, claim["box"]) >= MATCH:
            open_boxes.remove(best)
            tally.found += 1
        else:
            tally.wrong += 1
    tally.missed = len(open_boxes)
    return tally


def measure(detect: Detect, items: Sequence[Sample], batch: int) -> tuple[dict[str, Tally], float]:
    """Send all pictures: (tally of each label, mean seconds for each picture)."""
    tallies = {label: Tally() for label in LABELS}
    seconds = 0.0
    for group in _groups(items, batch):
        encoded = [png(item.picture) for item in group]
        start = time.perf_counter()
        answers = detect(encoded)
        seconds += time.perf_counter() - start
        for item, claims in zip(group, answers, strict=True):
            for label, tally in tallies.items():
                tally.add(compare(item, claims, label))
    return tallies, seconds / len(items)


def _groups(items: Sequence[Sample], size: int) -> Iterator[Sequence[Sample]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def blank_boxes(detect: Detect) -> int:
    """How many boxes the service finds where there is nothing."""
    return sum(len(detect([png(blank(160, 120, level))])[0]) for level in BLANKS)


def report(tallies: dict[str, Tally]) -> Tally:
    """Print a line for each label and one for all; return the latter."""
    total = Tally()
    for tally in tallies.values():
        total.add(tally)
    print(f"{'label':<10}{'precision':>10}{'recall':>10}{'found':>8}{'wrong':>8}{'missed':>8}")
    for name, tally in {**tallies, "all": total}.items():
        rates = f"{name:<10}{tally.precision:>10.3f}{tally.recall:>10.3f}"
        print(f"{rates}{tally.found:>8}{tally.wrong:>8}{tally.missed:>8}")
    return total


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("url", nargs="?", help="base URL of a running service")
    where.add_argument("--local", action="store_true", help="run the service's pipeline in this process")
    parser.add_argument("--count", type=int, default=100, help="how many pictures (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="which held-back pictures (default: 0)")
    parser.add_argument("--batch", type=int, default=1, help="pictures in one request (default: 1)")
    parser.add_argument("--min-precision", type=float, default=0.9)
    parser.add_argument("--min-recall", type=float, default=0.9)
    args = parser.parse_args()
    if args.count < 1 or args.batch < 1:
        parser.error("--count and --batch must be at least 1")
    return args


def main() -> int:
    """Measure, print, and return the exit code."""
    args = parse()
    detect = local() if args.local else remote(args.url.rstrip("/"))
    items = list(samples("held-back", args.seed, args.count, SIDES))
    try:
        tallies, seconds = measure(detect, items, args.batch)
        blanks = blank_boxes(detect)
    except urllib.error.HTTPError as error:
        print(
            f"evaluate: {error.url} answered {error.code}: {error.read().decode(errors='replace')}", file=sys.stderr
        )
        return 2
    except OSError as error:
        print(f"evaluate: {args.url}: {error}", file=sys.stderr)
        return 2
    total = report(tallies)
    print(f"{args.count} pictures, {seconds * 1000:.1f} ms each; {blanks} boxes on {len(BLANKS)} blank pictures")
    good = total.precision >= args.min_precision and total.recall >= args.min_recall and blanks == 0
    print(
        "passed" if good else f"FAILED: at least {args.min_precision} and {args.min_recall}, and no box on a blank"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
