"""What differs between two commits, two targets or two locks (docs/diff.md)."""
