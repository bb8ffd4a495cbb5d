"""A report as text, JSON, SARIF or GitHub annotations."""
