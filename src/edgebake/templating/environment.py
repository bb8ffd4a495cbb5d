"""Jinja2's environments, with globals that are cheap to copy."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from jinja2 import Environment
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Plain(Environment):
    """An environment for edgebake's own templates.

    Jinja2 copies a template's globals each time it renders it. Its chained mapping makes that the larger part of
    rendering a short text.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **(d or {})}


class Sandboxed(ImmutableSandboxedEnvironment, Plain):
    """An environment for templates that a project or a recipe brings."""
