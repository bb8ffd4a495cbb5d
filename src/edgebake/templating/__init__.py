"""Jinja2 environments, values with templates, and quoting for each output language."""
