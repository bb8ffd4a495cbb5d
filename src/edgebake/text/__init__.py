"""Plain text: tables, durations, statistics, words. Knows nothing of edgebake's models."""
