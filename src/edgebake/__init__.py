"""edgebake: a declarative build-graph compiler for AI container images."""

__version__ = "0.1.0"
