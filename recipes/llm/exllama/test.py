"""Checks that the compiled kernels are there and load; on a GPU also the norm's kernel against its formula."""

import importlib.metadata
import os
import sys
from pathlib import Path

GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))

try:
    import torch
except ImportError as error:
    # Jetson's builds load the board's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"exllama: not run, because the driver is only on the board ({error})")
    sys.exit(0)

name = os.environ["EXLLAMA_PACKAGE"]
files = importlib.metadata.files(name) or []
kernels = [file for file in files if file.name.startswith(f"{name}_ext") and file.suffix == ".so"]
assert kernels, f"{name} has no compiled kernels, and would need a compiler in the image"
code = Path(kernels[0].locate()).read_bytes()
# An ELF file for x86-64 (62, at its byte 18).
assert code[:4] == b"\x7fELF"
assert int.from_bytes(code[18:20], "little") == 62

if GPU:
    assert torch.cuda.is_available(), "there is a GPU, and PyTorch does not see it"
    extension = __import__(f"{name}_ext")
    x = torch.randn(2, 128, dtype=torch.half, device="cuda")
    weight = torch.ones(128, dtype=torch.half, device="cuda")
    found = torch.empty_like(x)
    if name == "exllamav2":
        extension.rms_norm(x, weight, found, 1e-6)
    else:
        extension.rms_norm(x, weight, found, 1e-6, 0.0, False)
    expected = x.float() / x.float().pow(2).mean(-1, keepdim=True).sqrt()
    assert torch.allclose(found.float(), expected, atol=1e-2), found
print(f"exllama: {name} {importlib.metadata.version(name)} on {'GPU' if GPU else 'CPU'}")
