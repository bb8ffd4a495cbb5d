"""The checks of `edgebake doctor`."""
