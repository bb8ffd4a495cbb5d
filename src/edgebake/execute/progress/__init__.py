"""How a bake is shown while it runs: lines, a table on a terminal, JSON lines, or nothing (docs/progress.md)."""
