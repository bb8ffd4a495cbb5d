"""Answers that are given again while nothing that they follow from has changed. Needs the standard library only."""
