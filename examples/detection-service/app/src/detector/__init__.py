"""An HTTP service that finds simple shapes in pictures."""

__version__ = "1.1.0"
