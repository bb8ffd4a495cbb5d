"""Pads sequences and back; on a GPU, if there is one, compares attention with the plain formula."""

import ctypes
from pathlib import Path

import torch
from flash_attn.bert_padding import pad_input, unpad_input

GPU = Path("/dev/nvidia0").exists()
mask = torch.tensor([[True, True, False], [True, False, False]])
values = torch.arange(12.0).reshape(2, 3, 2)
kept, indices, starts, longest = unpad_input(values, mask)
assert kept.tolist() == [[0, 1], [2, 3], [6, 7]], kept
assert (starts.tolist(), longest) == ([0, 2, 3], 2)
assert pad_input(kept, indices, 2, 3)[0, 2].tolist() == [0, 0]

try:
    ctypes.CDLL("libcuda.so.1")
    from flash_attn.flash_attn_interface import flash_attn_unpadded_kvpacked_func
except OSError:  # the kernels' module needs the driver, which only the host has
    assert not GPU
if GPU:
    torch.manual_seed(0)
    q = torch.randn(8, 2, 32, device="cuda", dtype=torch.float16)
    kv = torch.randn(8, 2, 2, 32, device="cuda", dtype=torch.float16)
    cut = torch.tensor([0, 8], device="cuda", dtype=torch.int32)
    found = flash_attn_unpadded_kvpacked_func(q, kv, cut, cut, 8, 8, 0.0)
    scores = torch.einsum("ihd,jhd->hij", q.float(), kv[:, 0].float()) / 32**0.5
    plain = torch.einsum("hij,jhd->ihd", scores.softmax(-1), kv[:, 1].float())
    assert torch.allclose(found.float(), plain, atol=1e-2)
print(f"flash-attn: checked {'on a GPU' if GPU else 'without a GPU'}")
