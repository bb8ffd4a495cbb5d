"""Checks the sampling parameters' rules and, on a GPU, a kernel of its own against its formula."""

import sys
from pathlib import Path

GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))

try:
    import torch
except ImportError as error:
    # Jetson's builds load the board's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"vllm: not run, because the driver is only on the board ({error})")
    sys.exit(0)

import vllm  # noqa: E402 - after the one above has had its say

parameters = vllm.SamplingParams(temperature=0.0, top_p=0.3, max_tokens=4)
assert parameters.top_p == 1.0, parameters  # without temperature the likeliest word is taken: nothing to cut off
try:
    vllm.SamplingParams(top_p=2.0)
except ValueError:
    pass
else:
    raise AssertionError("a probability of 2 is accepted")

if GPU:
    assert torch.cuda.is_available(), "there is a GPU, and PyTorch does not see it"
    import vllm._custom_ops  # registers the kernels

    torch.manual_seed(0)
    both = torch.randn(4, 64, device="cuda", dtype=torch.float16)
    found = torch.empty(4, 32, device="cuda", dtype=torch.float16)
    torch.ops._C.silu_and_mul(found, both)
    expected = torch.nn.functional.silu(both[:, :32].float()) * both[:, 32:].float()
    assert torch.allclose(found.float(), expected, atol=1e-2), found
print(f"vllm: {vllm.__version__} on {'GPU' if GPU else 'CPU'}")
