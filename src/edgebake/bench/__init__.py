"""Runs the benches of recipes in a built image, and compares what they measure with an earlier run."""
