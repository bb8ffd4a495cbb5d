"""From encoded pictures to detections: decode, scale, infer, suppress."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from detector.config import Settings
from detector.errors import BadImageError, ConfigError
from detector.images import Picture, decode, letterbox
from detector.nms import NmsLibrary
from detector.results import Detection, Found, Result

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Prepared:
    """A picture's canvas for the model, how it was scaled, and the size it had."""

    canvas: Picture
    scales: tuple[float, float]
    width: int
    height: int


class Pipeline:
    """The model and the native library, ready to use from several threads at once."""

    def __init__(self, settings: Settings) -> None:
        """Load everything and run it once; ConfigError when something does not fit together."""
        self._settings = settings
        self._nms = NmsLibrary(settings.nms_library)
        self.labels = _load_labels(settings.labels)
        self._session = _open_session(settings)
        self.height, self.width = _input_size(self._session, settings.model)
        self.model_sha256 = hashlib.sha256(settings.model.read_bytes()).hexdigest()
        self._warm_up()

    @property
    def providers(self) -> list[str]:
        """The execution providers in use, which may be fewer than asked for when there is no GPU."""
        return list(self._session.get_providers())

    @property
    def nms_abi(self) -> int:
        """The ABI of the native library."""
        return self._nms.abi

    @property
    def identity(self) -> str:
        """What results follow from beside pictures and thresholds."""
        return json.dumps([self.model_sha256, self.labels, self.nms_abi])

    def detect(self, encoded: Sequence[bytes], score: float, iou: float, numbers: Sequence[int] = ()) -> Result:
        """Find objects on all pictures in one inference; BadImageError names the picture it is about.

        `numbers`: what it calls them, if not by their place.
        """
        start = time.perf_counter()
        prepared = [
            self._prepare(data, number)
            for number, data in zip(numbers or range(len(encoded)), encoded, strict=True)
        ]
        decoded = time.perf_counter()
        boxes, scores = self._infer(np.stack([each.canvas for each in prepared]))
        inferred = time.perf_counter()
        found = tuple(
            self._select(each, boxes[index], scores[index], score, iou) for index, each in enumerate(prepared)
        )
        done = time.perf_counter()
        steps = {"decode": decoded - start, "inference": inferred - decoded, "suppression": done - inferred}
        return Result(found, {**steps, "total": done - start}, len(found))

    def _prepare(self, data: bytes, index: int) -> Prepared:
        """Decode and scale one picture. Only the small canvas stays: a batch may hold large pictures."""
        try:
            picture = decode(data, self._settings.max_pixels)
        except BadImageError as error:
            raise BadImageError(f"picture {index}: {error}") from error
        canvas, scales = letterbox(picture, self.width, self.height)
        return Prepared(canvas[..., ::-1], scales, picture.shape[1], picture.shape[0])  # BGR to RGB

    def _infer(self, canvases: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Boxes (pictures, cells, 4) on the canvas, and scores (pictures, cells, labels)."""
        boxes, scores = self._session.run(["boxes", "scores"], {"pictures": canvases})
        return boxes, scores

    def _select(self, prepared: Prepared, boxes: Floats, scores: Floats, score: float, iou: float) -> Found:
        """Keep what is sure enough and not a double, in the picture's own pixels."""
        width, height = prepared.width, prepared.height
        cells, classes = np.nonzero(scores >= score)
        chosen: Floats = boxes[cells] / np.array(prepared.scales * 2, np.float32)
        np.clip(chosen, 0, np.array([width, height, width, height], np.float32), out=chosen)
        sure = scores[cells, classes]
        kept = self._nms.keep(chosen, sure, classes.astype(np.int32), iou, self._settings.max_detections)
        return Found(width, height, tuple(self._detection(int(classes[at]), sure[at], chosen[at]) for at in kept))

    def _detection(self, label: int, score: np.float32, box: Floats) -> Detection:
        x1, y1, x2, y2 = (round(float(value), 2) for value in box)
        return Detection(self.labels[label], round(float(score), 4), (x1, y1, x2, y2))

    def _warm_up(self) -> None:
        """The first inference is slow, and shows whether the provider works at all."""
        try:
            boxes, scores = self._infer(np.zeros((1, self.height, self.width, 3), np.uint8))
        except Exception as error:  # onnxruntime raises its own types, which differ between versions
            raise ConfigError(f"the model {self._settings.model} does not run: {error}") from error
        if boxes.shape[-1] != 4 or scores.shape != (*boxes.shape[:2], len(self.labels)):
            raise ConfigError(
                f"the model's outputs {boxes.shape}, {scores.shape} do not fit {len(self.labels)} labels"
            )


def _load_labels(path: Path) -> tuple[str, ...]:
    try:
        labels = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the labels {path}: {error}") from error
    if not isinstance(labels, list) or not labels or not all(isinstance(label, str) for label in labels):
        raise ConfigError(f"{path} must be a list of names")
    return tuple(labels)


def _open_session(settings: Settings) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.session_threads
    options.inter_op_num_threads = 1
    providers = _choose_providers(settings.providers)
    try:
        return onnxruntime.InferenceSession(str(settings.model), options, providers=providers)
    except Exception as error:  # as above
        raise ConfigError(f"cannot load the model {settings.model}: {error}") from error


def _choose_providers(wanted: tuple[str, ...]) -> list[str]:
    """`auto` is CUDA where this onnxruntime has it, else the CPU; named ones must be there."""
    available = onnxruntime.get_available_providers()
    if wanted == ("auto",):
        return [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
    missing = [name for name in wanted if name not in available]
    if missing:
        raise ConfigError(
            f"DETECTOR_PROVIDERS asks for {', '.join(missing)}; this onnxruntime has {', '.join(available)}"
        )
    return list(wanted)


def _input_size(session: Any, path: Path) -> tuple[int, int]:
    """Return the model's input height and width."""
    inputs = session.get_inputs()
    outputs = {output.name for output in session.get_outputs()}
    if [each.name for each in inputs] != ["pictures"] or not outputs >= {"boxes", "scores"}:
        raise ConfigError(f"{path} is no shape detector: expected pictures -> boxes, scores")
    shape = inputs[0].shape
    if len(shape) != 4 or not isinstance(shape[1], int) or not isinstance(shape[2], int):
        raise ConfigError(f"{path}: the input's height and width must be fixed, not {shape}")
    return shape[1], shape[2]
