"""Answers about the project and the catalogue: graphs, reasons, listings."""
