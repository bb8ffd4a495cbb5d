"""Blurs an image with one bright pixel on the GPU: a box of three by three pixels has a ninth of it everywhere."""

import numpy as np
import vpi

image = np.zeros((32, 32), np.uint8)
image[10, 20] = 90
expected = np.zeros((32, 32), np.uint8)
expected[9:12, 19:22] = 10

with vpi.Backend.CUDA:
    blurred = vpi.asimage(image).box_filter(3, border=vpi.Border.ZERO)
with blurred.rlock_cpu() as data:
    assert np.array_equal(data, expected), np.argwhere(data != expected)
print("vpi: on the GPU")
