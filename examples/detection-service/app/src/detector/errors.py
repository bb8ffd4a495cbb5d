"""What can go wrong with a request or with the configuration, in words meant for the caller."""

from __future__ import annotations


class DetectorError(Exception):
    """The base of all errors that this service raises on purpose."""


class ConfigError(DetectorError):
    """The configuration, the model or the native library is unusable: the service does not start."""


class BadImageError(DetectorError):
    """The bytes are no picture that the service reads, or a picture that is too large."""
