"""GitHub Actions: the workflow, and the matrix of its jobs."""
