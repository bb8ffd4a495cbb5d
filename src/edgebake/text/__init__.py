"""Tables, durations, statistics and words. Independent of edgebake's models."""
