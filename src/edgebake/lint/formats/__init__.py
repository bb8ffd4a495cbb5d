"""A report as SARIF or as GitHub's annotations."""
