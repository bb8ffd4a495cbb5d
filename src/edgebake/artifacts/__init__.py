"""Artifacts of build halves kept in a folder: found by fingerprint, given to bakes, served to pip."""
