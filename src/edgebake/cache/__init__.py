"""Cached output of plan and compile, valid while the content of all inputs is the same."""
