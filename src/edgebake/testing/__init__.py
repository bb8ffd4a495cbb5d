"""Runs the tests of recipes in a built image, and tells what came of it."""
