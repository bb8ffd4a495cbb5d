import numpy

assert numpy.arange(4).sum() == 6
