"""Choosing the order of install lines: what shares most, by weight."""
