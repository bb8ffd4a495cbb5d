"""Adds LoRA to a layer, with numbers whose sum is known; then merges it into the layer's weights."""

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))

try:
    import torch
except ImportError as error:
    # Jetson's builds load the board's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"peft: not run, because the driver is only on the board ({error})")
    sys.exit(0)

import peft  # noqa: E402 - after the one above has had its say

device = "cuda" if GPU and torch.cuda.is_available() else "cpu"
base = torch.nn.Sequential()
base.add_module("layer", torch.nn.Linear(3, 2, bias=False))
torch.nn.init.ones_(base.layer.weight)
model = peft.get_peft_model(base, peft.LoraConfig(r=1, lora_alpha=2, target_modules=["layer"])).to(device)
trainable, total = model.get_nb_trainable_parameters()
assert (trainable, total) == (5, 11), (trainable, total)  # 3 into one number, and that to 2; beside 6

words = torch.tensor([[1.0, 2.0, 3.0]], device=device)
with torch.no_grad():
    assert model(words).tolist() == [[6, 6]]  # a new addition changes nothing
    lora = model.base_model.model.layer
    lora.lora_A["default"].weight.copy_(torch.tensor([[1.0, 0.0, 1.0]]))
    lora.lora_B["default"].weight.copy_(torch.tensor([[1.0], [-2.0]]))
    expected = [[14, -10]]  # 6 + 2 (1 + 3), and 6 - 4 (1 + 3)
    assert model(words).tolist() == expected, model(words)
    merged = model.merge_and_unload()
    assert merged(words).tolist() == expected
    assert type(merged.layer) is torch.nn.Linear
print(f"peft: {peft.__version__} on {device}")
