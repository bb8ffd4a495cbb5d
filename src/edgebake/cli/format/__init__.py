"""How commands print their results: one module for each command, with its text and its published model."""
