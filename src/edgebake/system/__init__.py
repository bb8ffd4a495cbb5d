"""The machine: files, Docker, git."""
