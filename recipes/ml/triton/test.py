"""Compiles a kernel to PTX for a GPU that need not be there; where there is one, runs it and checks the sums."""

from pathlib import Path

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def add_one(source, target, size, BLOCK: tl.constexpr):  # noqa: N803 - Triton's convention
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < size
    tl.store(target + offsets, tl.load(source + offsets, mask=inside) + 1.0, mask=inside)


signature = {"source": "*fp32", "target": "*fp32", "size": "i32", "BLOCK": "constexpr"}
compiled = triton.compile(ASTSource(add_one, signature, {"BLOCK": 128}), target=GPUTarget("cuda", 80, 32))
ptx = compiled.asm["ptx"]
assert ".target sm_80" in ptx, ptx
assert ".entry add_one" in ptx, ptx
assert "ld.global" in ptx, ptx
assert "st.global" in ptx, ptx
assert compiled.asm["cubin"][:4] == b"\x7fELF"  # by the assembler that the package brings

place = "compiled only"
if Path("/dev/nvidia0").exists():
    import torch

    source = torch.arange(1000, device="cuda", dtype=torch.float32)
    target = torch.empty_like(source)
    add_one[(triton.cdiv(1000, 128),)](source, target, 1000, BLOCK=128)
    assert target.sum().item() == 500500
    place = torch.cuda.get_device_name(0)
print(f"triton: {triton.__version__}, {place}")
