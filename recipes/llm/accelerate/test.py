"""Trains one weight by gradient accumulation, whose steps are known, and runs a model with weights on the disk."""

import sys
import tempfile
from pathlib import Path

GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))

try:
    import torch
except ImportError as error:
    # Jetson's builds load the board's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"accelerate: not run, because the driver is only on the board ({error})")
    sys.exit(0)

import accelerate  # noqa: E402 - after the one above has had its say

accelerator = accelerate.Accelerator(cpu=not GPU, gradient_accumulation_steps=2)
weight = torch.nn.Linear(1, 1, bias=False)
torch.nn.init.ones_(weight.weight)
model, optimizer = accelerator.prepare(weight, torch.optim.SGD(weight.parameters(), lr=0.5))
for value in (1.0, 3.0):
    with accelerator.accumulate(model):
        accelerator.backward(model(torch.tensor([[value]], device=accelerator.device)).sum())
        optimizer.step()
        optimizer.zero_grad()
# One step after two gradients, of which each counts half: 1 - 0.5 (1 + 3) / 2.
assert abs(accelerator.unwrap_model(model).weight.item()) < 1e-6, model.weight

with tempfile.TemporaryDirectory() as folder, torch.no_grad():
    layers = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    for parameter in layers.parameters():
        parameter.fill_(1)
    accelerate.disk_offload(layers, folder, execution_device=accelerator.device)
    answer = layers(torch.tensor([[2.0, 3.0]])).item()
    assert answer == 13, answer  # 2 (2 + 3 + 1) + 1
print(f"accelerate: {accelerate.__version__} on {accelerator.device}")
