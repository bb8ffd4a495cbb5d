"""Durations, statistics and words. Independent of edgebake's models."""
