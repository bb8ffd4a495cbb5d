"""Selectors: which recipes and images a command is about, as words on the command line (docs/select.md)."""
