"""Why a recipe has the release that it has, and what ruled out its others."""

from __future__ import annotations

from typing import Literal

from edgebake.dataclasses import dataclass
from edgebake.load.words import format_condition, format_position
from edgebake.model.condition import VERSION_FACTS
from edgebake.model.versions import parse_version, version_matches
from edgebake.resolve.ask import Ask
from edgebake.resolve.candidates import Candidate, CandidatePool
from edgebake.resolve.provider import Provider
from edgebake.resolve.python_choice import PYTHON
from edgebake.resolve.resolution import Pin, Resolution
from edgebake.text.words import listed

Reason = Literal["unversioned", "target", "only", "locked", "narrowed", "default", "newest", "first", "fitting"]


@dataclass(frozen=True)
class Ruled:
    """A release that was not chosen. `kind`: because of the target, a requirement, its own needs, or the order.

    `is_valid`: only the order decided.
    """

    version: str
    kind: Literal["target", "requirement", "needs", "order"]
    why: str
    is_valid: bool = False


@dataclass(frozen=True)
class Choice:
    """The release that was chosen: why, as a keyword and in prose, and the other releases."""

    version: str
    reason: Reason
    why: str
    variant: str
    others: tuple[Ruled, ...]


def choice(pool: CandidatePool, resolution: Resolution, pin: Pin) -> Choice:
    """Return why a recipe has its release.

    Args:
        pool: the candidates of the target and platform, with the lock's preferences.
        resolution: what the image was resolved to.
        pin: the recipe.
    """
    return _Chooser(pool, resolution, pin).choice()


def ask_told(ask: Ask) -> str:
    """Return who asks for what, and where."""
    at = format_position(ask.at)
    return f"{ask} ({at})" if at else str(ask)


class _Chooser:
    def __init__(self, pool: CandidatePool, resolution: Resolution, pin: Pin) -> None:
        self._pool, self._resolution, self._pin = pool, resolution, pin
        roots = frozenset(ask.name for ask in resolution.asks if ask.parent is None)
        self._provider = Provider(pool, roots)
        own = {pin.name, *(name for name, by in resolution.stands_for.items() if by == pin.name)}
        self._asks = [ask for ask in resolution.asks if ask.name in own]
        self._here = pool.candidates(pin.name)
        self._versions = list(dict.fromkeys(one.version for one in self._here))

    def choice(self) -> Choice:
        version = self._pin.release.version
        reason, why = self._reason(version)
        others = [] if reason == "unversioned" else self._others(version)
        chosen = self._pin.candidate.variant
        variant = (format_condition(chosen.when) or "any target") if chosen else ""
        return Choice(self._pin.version, reason, why, variant, tuple(others))

    def _reason(self, version: str) -> tuple[Reason, str]:
        name, where = self._pin.name, self._pool.target.name
        if name in VERSION_FACTS and self._pool.fact(name) is not None:
            chosen = name == PYTHON and self._pool.target.python_origin == "recipe"
            return ("narrowed", "the image asks for it") if chosen else ("target", f"what {where} has")
        if not self._pin.loaded.is_versioned:
            return "unversioned", "the recipe names no releases"
        if self._pool.locked(name) == version:
            return "locked", "edgebake.lock has it"
        before = self._versions[: self._versions.index(version)] if version in self._versions else []
        asks = list(dict.fromkeys(ask for other in before for ask in self._against(other)))
        if asks:
            return "narrowed", f"narrowed: {'; '.join(map(ask_told, asks))}"
        if any(not self._last_resort(other) for other in before):
            return "fitting", f"the first that fits with the rest, in the order {listed(self._versions)}"
        if len(self._versions) == 1:
            return "only", f"the only one that is valid on {where}"
        if self._pin.release.default:
            return "default", "the recipe's default"
        if self._pin.recipe.versioning == "pep440":
            return "newest", f"the newest that is valid on {where}"
        return "first", f"the first of the recipe's that is valid on {where}"

    def _last_resort(self, version: str) -> bool:
        return all(self._pool.is_last_resort(one) for one in self._candidates(version))

    def _candidates(self, version: str) -> list[Candidate]:
        return [one for one in self._here if one.version == version]

    def _against(self, version: str) -> list[Ask]:
        """Return the requirements that rule out a release."""
        fits, candidates = self._provider.is_satisfied_by, self._candidates(version)
        return [ask for ask in self._asks if not any(fits(ask, candidate) for candidate in candidates)]

    def _others(self, version: str) -> list[Ruled]:
        found = [self._other(other, version) for other in self._versions if other != version]
        gone = self._pool.unavailable(self._pin.loaded)
        found += [
            Ruled(one.version, "target", f"needs {one.reason}") for one in gone if one.version not in self._versions
        ]
        if self._pin.recipe.versioning == "pep440":
            found.sort(key=lambda one: parse_version(one.version), reverse=True)
        return found

    def _other(self, version: str, taken: str) -> Ruled:
        asks = self._against(version)
        if asks:
            return Ruled(version, "requirement", "; ".join(map(ask_told, asks)))
        misfits = [self._misfits(candidate) for candidate in self._candidates(version)]
        if misfits and all(misfits):
            return Ruled(version, "needs", "; ".join(dict.fromkeys(misfits[0])))
        if self._versions.index(version) < self._versions.index(taken):
            why = "a pre-release" if self._last_resort(version) else "does not fit with the rest"
            return Ruled(version, "order", why)
        return Ruled(version, "order", f"valid, but {taken} comes first", is_valid=True)

    def _misfits(self, candidate: Candidate) -> list[str]:
        """Return what a candidate needs that the image has in another release."""
        unfit = {ask: self._unfit(ask) for ask in self._provider.get_dependencies(candidate)}
        return [f"{ask}, and the image has {has}" for ask, has in unfit.items() if has]

    def _unfit(self, ask: Ask) -> str:
        name = self._resolution.stands_for.get(ask.name, ask.name)
        pin = self._resolution.pins.get(name)
        if pin is not None and name == ask.name:
            return "" if self._provider.is_satisfied_by(ask, pin.candidate) else pin.title
        fact = self._pool.fact(name)
        if name in self._resolution.provided and isinstance(fact, str) and ask.kind != "forbid":
            return "" if version_matches(fact, ask.requirement.version) else f"{name} {fact}"
        return ""
