"""Runs the tests of recipes in a built image, and reports the results."""
