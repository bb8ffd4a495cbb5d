"""Packs weights that four bits can hold as GPTQ and as AWQ do, looks at a word of each, computes with both."""

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
from gptqmodel.nn_modules.qlinear.torch_awq import AwqTorchLinear  # noqa: E402

WIDTH, GROUP = 64, 32
# The numbers 0 to 15 in turn, of which 8 stands for zero, in steps of a half.
codes = (torch.arange(WIDTH)[None, :] + torch.arange(WIDTH)[:, None]) % 16
plain = torch.nn.Linear(WIDTH, WIDTH, bias=False)
plain.weight.data = (codes - 8) * 0.5
scales = torch.full((WIDTH, WIDTH // GROUP), 0.5)
zeros = torch.full_like(scales, 8)

shape = {"bits": 4, "group_size": GROUP, "sym": True, "in_features": WIDTH, "out_features": WIDTH, "bias": False}

gptq = TorchLinear(desc_act=False, **shape)
gptq.pack_original(linear=plain, scales=scales, zeros=zeros, g_idx=torch.arange(WIDTH) // GROUP)
gptq.post_init()
assert gptq.qweight.shape == (WIDTH // 8, WIDTH), gptq.qweight.shape
assert gptq.qweight[0, 0].item() == 0x76543210, hex(gptq.qweight[0, 0].item())

# AWQ has the weights of neighbouring outputs in a word, the even ones first.
awq = AwqTorchLinear(desc_act=False, **shape)
awq.pack(linear=plain, scales=scales, zeros=zeros)
awq.post_init()
assert awq.qweight.shape == (WIDTH, WIDTH // 8), awq.qweight.shape
assert awq.qweight[0, 0].item() == 0x75316420, hex(awq.qweight[0, 0].item())

question = torch.eye(WIDTH, dtype=torch.float16)
for layer in (gptq, awq):
    with torch.no_grad():
        answer = layer(question)
    assert torch.allclose(answer.float(), plain.weight.T, atol=1e-3), (type(layer).__name__, answer)
print(f"gptqmodel: {gptqmodel.__version__}")
