"""Prints the mean of some numbers, to show that the image works."""

import numpy

print("mean:", numpy.arange(10).mean())
