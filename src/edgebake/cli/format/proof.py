"""Whether a recipe was built and tested, in words; for `list` and `show`."""

from __future__ import annotations

from collections.abc import Sequence

from edgebake.model.output.explore import BuiltOn

_WORDS = {
    "verified": "built and tested",
    "stale": "changed since it was built",
    "failed": "failed",
    "checked only": "not built yet",
}


def proof_text(built: Sequence[BuiltOn]) -> str:
    """Return the states of a recipe, with the targets and platforms where it has them."""
    states = dict.fromkeys(state for state in _WORDS if any(one.state == state for one in built))
    parts = [f"{_WORDS[state]}: {', '.join(_where(built, state))}" for state in states]
    return "; ".join(parts) or _WORDS["checked only"]


def _where(built: Sequence[BuiltOn], state: str) -> list[str]:
    return sorted(_platform(where) for where in built if where.state == state)


def _platform(where: BuiltOn) -> str:
    given = f" (with {', '.join(where.given)})" if where.given else ""
    return f"{where.target} {where.platform.split('/')[1]}{given}"
