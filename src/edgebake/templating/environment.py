"""Jinja2's environment for edgebake's own templates, with globals that are cheap to copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from jinja2 import Environment, StrictUndefined


class Plain(Environment):
    """An environment for edgebake's own templates.

    Jinja2 copies a template's globals each time it renders it. Its chained mapping makes that the larger part of
    rendering a short text.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(undefined=StrictUndefined, **options)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **(d or {})}

    def add_filters(self, filters: Mapping[str, Callable[..., Any]]) -> None:
        """Let templates use filters."""
        self.filters.update(filters)
