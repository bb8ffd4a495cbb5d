"""Packs weights that four bits can hold into words, looks at one word, and computes with them."""

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
    print(f"gptqmodel: not run, because the driver is only on the board ({error})")
    sys.exit(0)

import gptqmodel  # noqa: E402 - after the one above has had its say
from gptqmodel.nn_modules.qlinear.torch import TorchLinear  # noqa: E402

WIDTH, GROUP = 64, 32
# The numbers 0 to 15 in turn, of which 8 stands for zero, in steps of a half.
codes = (torch.arange(WIDTH)[None, :] + torch.arange(WIDTH)[:, None]) % 16
plain = torch.nn.Linear(WIDTH, WIDTH, bias=False)
plain.weight.data = (codes - 8) * 0.5
scales = torch.full((WIDTH, WIDTH // GROUP), 0.5)
zeros = torch.full_like(scales, 8)

packed = TorchLinear(
    bits=4, group_size=GROUP, sym=True, desc_act=False, in_features=WIDTH, out_features=WIDTH, bias=False
)
packed.pack_original(linear=plain, scales=scales, zeros=zeros, g_idx=torch.arange(WIDTH) // GROUP)
packed.post_init()
assert packed.qweight.shape == (WIDTH // 8, WIDTH), packed.qweight.shape
assert packed.qweight[0, 0].item() == 0x76543210, hex(packed.qweight[0, 0].item())

question = torch.eye(WIDTH, dtype=torch.float16)
with torch.no_grad():
    answer = packed(question)
assert torch.allclose(answer.float(), plain.weight.T, atol=1e-3), answer
print(f"gptqmodel: {gptqmodel.__version__}")
