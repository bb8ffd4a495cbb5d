"""Folds a picture's patches by 3 x 3, as NVILA Lite does, and by 2 x 2, as NVILA; cuts a picture and mends it."""

import sys
from pathlib import Path

GPU = Path("/dev/nvidia0").exists()

try:
    import torch
    from sglang.srt.models.nvila import NVILAMultiModalProjectorDownsampleBlock, merge_chessboard, split_chessboard
    from sglang.srt.models.nvila_lite import NVILALiteMultiModalProjectorDownsampleBlock
except (ImportError, OSError) as error:
    # SGLang's kernels load the machine's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"vila: not run, because the driver is only on the machine that runs ({error})")
    sys.exit(0)

device = "cuda" if GPU else "cpu"
SIDE = 5
patches = torch.arange(1.0, SIDE * SIDE + 1, device=device).reshape(1, SIDE * SIDE, 1)  # of one number each

# A sixth row and column of zeros makes the side one that two and three divide.
lite = NVILALiteMultiModalProjectorDownsampleBlock()(patches)
assert lite[0, 0].tolist() == [1, 2, 3, 6, 7, 8, 11, 12, 13], lite
assert lite[0, 3].tolist() == [19, 20, 0, 24, 25, 0, 0, 0, 0], lite
full = NVILAMultiModalProjectorDownsampleBlock()(patches)
assert full.shape == (1, 9, 4), full.shape
assert full[0, 4].tolist() == [13, 14, 18, 19], full

# A picture that was cut like a chessboard is put together again.
picture = torch.arange(2 * 6 * 4.0, device=device).reshape(1, 2, 6, 4)
pieces = split_chessboard(picture, 3, 2)
assert pieces.shape == (6, 2, 2, 2), pieces.shape
assert pieces[1, 0].tolist() == [[2, 3], [6, 7]], pieces[1, 0]
assert torch.equal(merge_chessboard(pieces, 3, 2), picture)
print(f"vila: PyTorch {torch.__version__} on {device}")
