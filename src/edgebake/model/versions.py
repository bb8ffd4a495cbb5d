"""How versions are written and compared: bare prefixes, PEP 440 specifiers, and opaque versions."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

Versioning = Literal["pep440", "opaque"]

_EQUALITY = re.compile(r"\s*(===|==|!=)\s*([A-Za-z0-9][A-Za-z0-9._+!-]*)\s*")


@lru_cache(maxsize=4096)
def parse_version(text: str) -> Version:
    """Return `text` as a PEP 440 version.

    Raises:
        ValueError: it is not a version.
    """
    try:
        return Version(text)
    except InvalidVersion:
        raise ValueError(f"{text!r} is not a version (such as 2.7.1)") from None


@lru_cache(maxsize=4096)
def parse_specifier(text: str) -> SpecifierSet:
    """Return `text` (such as `>=2.6,<2.8`) as a set of specifiers.

    Raises:
        ValueError: it is not a range.
    """
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        raise ValueError(f"{text!r} is not a version range (such as >=2.6,<2.8)") from None


def is_specifier(text: str) -> bool:
    """Return whether `text` is a range (`>=2.6`) and not a bare version (`2.7`)."""
    return text[:1] in "<>=!~" and text != ""


def has_prefix(version: str, prefix: str) -> bool:
    """Return whether `version` starts with `prefix`: 12.6 and 12.6.85 start with 12, but 120 does not."""
    return version == prefix or (
        version.startswith(prefix) and (version[len(prefix)] in ".-+_" or not prefix[-1].isdigit())
    )


def parse_range(text: str) -> None:
    """Check a range whose versioning is not known yet: `>=2.6`, but also `==humble`.

    Raises:
        ValueError: it is not a range.
    """
    for clause in text.split(","):
        if not _EQUALITY.fullmatch(clause):
            parse_specifier(clause)


@lru_cache(maxsize=16384)
def version_matches(version: str, wanted: str, versioning: Versioning = "pep440") -> bool:
    """Return whether `version` satisfies `wanted`.

    Args:
        version: a release's version or a target's fact.
        wanted: "" (anything), a bare version (a prefix; the whole version if opaque), or a range.
        versioning: the recipe's versioning.

    Raises:
        ValueError: `wanted` needs an order, and the versions have none.
    """
    if not wanted:
        return True
    if not is_specifier(wanted):
        return version == wanted if versioning == "opaque" else _is_below(version, wanted)
    if versioning == "opaque":
        return _opaque_matches(version, wanted)
    return parse_specifier(wanted).contains(parse_version(version), prereleases=True)


def _is_below(version: str, prefix: str) -> bool:
    if has_prefix(version, prefix):
        return True
    try:
        return Version(version) == Version(prefix)  # 2.7 is 2.7.0
    except InvalidVersion:
        return False


def _opaque_matches(version: str, wanted: str) -> bool:
    for clause in wanted.split(","):
        match = _EQUALITY.fullmatch(clause)
        if match is None:
            raise ValueError(f"{wanted!r} needs versions with an order; these allow only == and !=")
        if (version == match[2]) == (match[1] == "!="):
            return False
    return True


def is_prerelease(version: str, versioning: Versioning) -> bool:
    """Return whether a release is a pre-release, which is used only if a requirement asks for it."""
    return versioning == "pep440" and parse_version(version).is_prerelease


def names_prerelease(wanted: str) -> bool:
    """Return whether a version or range contains a pre-release: `2.0rc1`, `>=2.0rc1`."""
    clauses = [re.sub(r"^[<>=!~]+|\.\*$", "", clause.strip()) for clause in wanted.split(",")]
    try:
        return any(Version(clause).is_prerelease for clause in clauses if clause)
    except InvalidVersion:
        return False
