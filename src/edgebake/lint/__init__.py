"""`edgebake lint`: policy that recipes and projects have to pass."""
