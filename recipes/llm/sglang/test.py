"""Checks the tree of what requests have in common and, on a GPU, a kernel of its own against its formula."""

import sys
from pathlib import Path

GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))

try:
    import torch
except ImportError as error:
    # Jetson's builds load the board's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"sglang: not run, because the driver is only on the board ({error})")
    sys.exit(0)

import sglang  # noqa: E402 - after the one above has had its say
from sglang.srt.sampling.sampling_params import SamplingParams  # noqa: E402

parameters = SamplingParams(temperature=0.0, max_new_tokens=4)
assert (parameters.temperature, parameters.top_k) == (1.0, 1), vars(parameters)  # the likeliest word, and no other
try:
    SamplingParams(top_p=2.0).verify(11)
except ValueError:
    pass
else:
    raise AssertionError("a probability of 2 is accepted")

if GPU:
    assert torch.cuda.is_available(), "there is a GPU, and PyTorch does not see it"
    import sgl_kernel

    torch.manual_seed(0)
    both = torch.randn(4, 64, device="cuda", dtype=torch.float16)
    found = sgl_kernel.silu_and_mul(both)
    expected = torch.nn.functional.silu(both[:, :32].float()) * both[:, 32:].float()
    assert torch.allclose(found.float(), expected, atol=1e-2), found
print(f"sglang: {sglang.__version__} on {'GPU' if GPU else 'CPU'}")
