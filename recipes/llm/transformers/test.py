"""Runs a tiny language model whose answer is known: with all weights zero, each of the 11 words is as likely."""

import math
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
    print(f"transformers: not run, because the driver is only on the board ({error})")
    sys.exit(0)

import transformers  # noqa: E402 - after the one above has had its say

device = "cuda" if GPU and torch.cuda.is_available() else "cpu"
config = transformers.GPT2Config(
    vocab_size=11, n_positions=8, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
)
model = transformers.GPT2LMHeadModel(config).eval().to(device)
words = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]], device=device)
with torch.no_grad():
    varied = model(words, labels=words)
    for parameter in model.parameters():
        parameter.zero_()
    even = model(words, labels=words)
assert varied.logits.shape == (1, 8, 11)
assert varied.logits.std() > 0
assert abs(even.loss.item() - math.log(11)) < 1e-5, even.loss
print(f"transformers: {transformers.__version__} on {device}")
