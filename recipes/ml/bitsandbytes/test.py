"""Quantizes blocks to 8 bits and restores them, and a matrix to 4 bits on a GPU, if there is one."""

from pathlib import Path

import bitsandbytes as bnb
import torch
from bitsandbytes import functional

devices = ["cpu"]
if Path("/dev/nvidia0").exists() and torch.version.cuda:
    assert torch.cuda.is_available(), "there is a GPU, and PyTorch does not see it"
    devices.append("cuda")

for device in devices:
    values = torch.linspace(-2, 2, 4096, device=device)
    packed, state = functional.quantize_blockwise(values)
    assert packed.dtype == torch.uint8, packed.dtype
    restored = functional.dequantize_blockwise(packed, state)
    error = (restored - values).abs().max().item()
    assert 0 < error < 0.05, error

if "cuda" in devices:
    matrix = torch.randn(64, 64, device="cuda", dtype=torch.float16)
    packed, state = functional.quantize_4bit(matrix, quant_type="nf4")
    assert packed.numel() == matrix.numel() // 2
    restored = functional.dequantize_4bit(packed, state)
    assert (restored - matrix).abs().mean().item() < 0.15
print(f"bitsandbytes: {bnb.__version__} on {', '.join(devices)}")
