"""Compose files: a project's services on one target."""
