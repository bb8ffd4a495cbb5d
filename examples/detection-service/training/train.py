"""Train the shape detector on synthetic pictures, and export it as ONNX.

    python train.py --output ../app/model

A few minutes on two CPU cores. The network is an anchor-free grid detector: each cell of a 20 x 20 grid
says which label it sees and how far the four sides of that object's box are away. Neighbouring cells see
the same object, so the service runs non-maximum suppression over what comes out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from shapes import LABELS, MAX_SHAPES, samples
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app" / "src"))
from detector.images import letterbox

INPUT = 160  # side of the model's input, in pixels
STRIDE = 8  # pixels for each cell of the grid
GRID = INPUT // STRIDE
SIDES = (112, 256)  # sides of the training pictures before scaling
NOTHING = len(LABELS)  # what a cell answers when it sees no label
CORE, MARGIN = 0.2, 0.35  # shares of a box's side around its centre: cells that answer, cells without opinion


def block(inputs: int, outputs: int, stride: int = 1, dilation: int = 1, size: int = 3) -> nn.Sequential:
    """Convolution, batch normalisation (folded into the convolution by the export), ReLU."""
    padding = dilation * (size // 2)
    convolution = nn.Conv2d(inputs, outputs, size, stride, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


class Detector(nn.Module):
    """RGB bytes (batch, height, width, 3) in; logits (batch, cells, labels + 1) and boxes (batch, cells, 4) out."""

    centres: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            block(3, 32, stride=4, size=7),  # one large step: most of the time would go into full-size layers
            block(32, 48, stride=2),
            block(48, 48),
            block(48, 48, dilation=2),
            block(48, 48, dilation=2),
            block(48, 48),
        )
        self.head = nn.Conv2d(48, NOTHING + 1 + 4, 1)
        with torch.no_grad():  # nearly all cells see nothing: start there
            self.head.bias[NOTHING] = 4.0
        axis = (torch.arange(GRID) + 0.5) * STRIDE
        ys, xs = torch.meshgrid(axis, axis, indexing="ij")
        self.register_buffer("centres", torch.stack([xs.flatten(), ys.flatten()], dim=1))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        scaled = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1.0
        cells = self.head(self.body(scaled)).flatten(2).permute(0, 2, 1)
        logits, sides = cells[..., : NOTHING + 1], cells[..., NOTHING + 1 :]
        reach = torch.exp(sides.clamp(max=4.0)) * STRIDE  # left, top, right, bottom
        boxes = torch.cat([self.centres - reach[..., :2], self.centres + reach[..., 2:]], dim=-1)
        return logits, boxes


class Deployed(nn.Module):
    """The detector as it is shipped: boxes and scores between 0 and 1."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        logits, boxes = self.detector(pictures)
        return boxes, torch.softmax(logits, dim=-1)[..., :NOTHING]


def load(stream: str, seed: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return pictures (n, INPUT, INPUT, 3), boxes (n, MAX_SHAPES, 4), labels (n, MAX_SHAPES; -1: none)."""
    pictures = np.zeros((count, INPUT, INPUT, 3), np.uint8)
    boxes = np.zeros((count, MAX_SHAPES, 4), np.float32)
    labels = np.full((count, MAX_SHAPES), -1, np.int64)
    for index, item in enumerate(samples(stream, seed, count, SIDES)):
        pictures[index], scales = letterbox(item.picture, INPUT, INPUT)
        shapes = len(item.labels)
        boxes[index, :shapes] = item.boxes * (scales * 2)
        labels[index, :shapes] = [LABELS.index(label) for label in item.labels]
    return torch.from_numpy(pictures), torch.from_numpy(boxes), torch.from_numpy(labels)


def turn(pictures: Tensor, boxes: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mirror or transpose a batch at random: more pictures for nothing."""
    mirror, upend, swap = (torch.rand(3, generator=generator) < 0.5).tolist()
    if mirror:
        pictures = pictures.flip(2)
        boxes = torch.stack([INPUT - boxes[..., 2], boxes[..., 1], INPUT - boxes[..., 0], boxes[..., 3]], -1)
    if upend:
        pictures = pictures.flip(1)
        boxes = torch.stack([boxes[..., 0], INPUT - boxes[..., 3], boxes[..., 2], INPUT - boxes[..., 1]], -1)
    if swap:
        pictures, boxes = pictures.transpose(1, 2), boxes[..., [1, 0, 3, 2]]
    return pictures, boxes


def targets(centres: Tensor, boxes: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each cell the nearest object that it lies in, whether it answers for it, and whether it may."""
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    half = (boxes[..., 2:] - boxes[..., :2]) / 2
    offset = (centres[None, :, None] - middle[:, None]).abs()  # batch, cells, objects, xy
    real = (labels >= 0)[:, None]
    # A small object's core may lie between the centres of four cells: it gets at least the nearest one.
    core = (offset <= (2 * CORE * half).clamp(min=STRIDE / 2)[:, None]).all(-1) & real
    near = (offset <= (2 * MARGIN * half).clamp(min=STRIDE)[:, None]).all(-1) & real
    distance = (offset / half.clamp(min=1)[:, None]).amax(-1).masked_fill(~near, torch.inf)
    owner = distance.argmin(-1)
    must = core.gather(-1, owner[..., None])[..., 0]
    return owner, must, near.any(-1)


def box_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """One minus the generalised IoU of each pair of boxes."""
    inner = (torch.minimum(found[:, 2:], wanted[:, 2:]) - torch.maximum(found[:, :2], wanted[:, :2])).clamp(min=0)
    outer = torch.maximum(found[:, 2:], wanted[:, 2:]) - torch.minimum(found[:, :2], wanted[:, :2])
    areas = (found[:, 2:] - found[:, :2]).prod(1) + (wanted[:, 2:] - wanted[:, :2]).prod(1)
    common, hull = inner.prod(1), outer.prod(1)
    union = areas - common
    return 1 - common / union + (hull - union) / hull


def loss(model: Detector, pictures: Tensor, boxes: Tensor, labels: Tensor) -> Tensor:
    """Focal loss over the labels of all cells, plus the box loss over the cells that answer."""
    logits, found = model(pictures)
    owner, must, may = targets(model.centres, boxes, labels)
    chances = torch.softmax(logits, dim=-1)
    own = chances.gather(-1, labels.gather(1, owner).clamp(min=0)[..., None])[..., 0]
    nothing = chances[..., NOTHING]
    # Around the core both answers are right, the object's label and nothing; another label never is.
    right = torch.where(must, own, torch.where(may, own + nothing, nothing)).clamp(1e-6, 1)
    count = must.sum().clamp(min=1)
    label_loss = (-torch.log(right) * (1 - right)).sum() / count  # focal: cells already right weigh little
    goal = boxes.gather(1, owner[..., None].expand(-1, -1, 4))
    return label_loss + box_loss(found[must], goal[must]).sum() / count


def train(
    data: tuple[Tensor, Tensor, Tensor], check: tuple[Tensor, Tensor, Tensor], args: argparse.Namespace
) -> Detector:
    """Return the trained detector."""
    pictures, boxes, labels = data
    generator = torch.Generator().manual_seed(args.seed)
    model = Detector()
    model.to(memory_format=torch.channels_last)  # faster on CPUs; the export is the same
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=1e-4)
    steps = args.epochs * -(-len(pictures) // args.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=3e-3, total_steps=steps)
    for epoch in range(args.epochs):
        model.train()
        for chosen in torch.randperm(len(pictures), generator=generator).split(args.batch):
            turned = turn(pictures[chosen], boxes[chosen], generator)
            optimiser.zero_grad()
            loss(model, *turned, labels[chosen]).backward()
            optimiser.step()
            schedule.step()
        model.eval()
        with torch.no_grad():
            print(f"epoch {epoch + 1}/{args.epochs}: validation loss {float(loss(model, *check)):.4f}", flush=True)
    return model


def export(model: Detector, folder: Path) -> None:
    """Write shapes.onnx (opset 17, any batch size) and labels.json."""
    folder.mkdir(parents=True, exist_ok=True)
    example = torch.zeros(1, INPUT, INPUT, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        # The newer exporter writes opset 18 and converts down from there; this one writes 17 itself, which
        # onnxruntime 1.16 reads, and needs no onnxscript.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            Deployed(model).eval(),
            (example,),
            str(folder / "shapes.onnx"),
            input_names=["pictures"],
            output_names=["boxes", "scores"],
            opset_version=17,
            dynamic_axes={name: {0: "batch"} for name in ("pictures", "boxes", "scores")},
            dynamo=False,
        )
    (folder / "labels.json").write_text(json.dumps(list(LABELS)) + "\n")


def main() -> None:
    """Generate, train, export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder for shapes.onnx and labels.json")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=int, default=6000)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--batch", type=int, default=32)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.use_deterministic_algorithms(True)
    start = time.monotonic()
    data = load("train", args.seed, args.pictures)
    check = load("validation", args.seed, 400)
    print(f"{args.pictures} pictures after {time.monotonic() - start:.0f} s", flush=True)
    model = train(data, check, args)
    export(model, args.output)
    print(f"exported to {args.output} after {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
