"""`cache-from` and `cache-to` of bake targets, scoped by bake target, platform and branch.

A bake target's cache is read under its own scope, then under the default branch's; it is written under its own, and
only where the bake file's CACHE_TO says so, as whoever takes the files may have no right to.
Source: https://docs.docker.com/build/cache/backends/ (registry, local, gha).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from edgebake.model.project import Cache, Project

VARIABLES = (
    ("CACHE_SCOPE", "main", "Whose build cache: the name of a branch."),
    ("CACHE_DEFAULT", "main", "Whose build cache is read besides: the default branch's."),
    ("CACHE_PLATFORM", "", "Part of the cache's name where machines build one platform each: -amd64, -arm64."),
    ("CACHE_TO", "", "Set it to 1 to write the build cache, too."),
)
"""Variables of the bake file: name, default and what each is."""

_LONGEST = 64  # of a bake target's name in a tag, which has 128 characters at most


def cache_from(project: Project, bake_target: str) -> str:
    """Return the HCL expression for a bake target's `cache-from`."""
    cache = _cache(project)
    scopes = [_place(cache, project, bake_target, variable) for variable in ("CACHE_SCOPE", "CACHE_DEFAULT")]
    word = {"registry": "ref", "local": "src", "gha": "scope"}[cache.type]
    entries = "".join(f'\n    "type={cache.type},{word}={scope}",' for scope in scopes)
    return f"distinct([{entries}\n  ])"


def cache_to(project: Project, bake_target: str) -> str:
    """Return the HCL expression for a bake target's `cache-to`."""
    cache = _cache(project)
    place = _place(cache, project, bake_target, "CACHE_SCOPE")
    return f'CACHE_TO == "" ? [] : [\n    "{",".join(_written(cache, place))}",\n  ]'


def _written(cache: Cache, place: str) -> Iterator[str]:
    yield f"type={cache.type}"
    yield {"registry": "ref", "local": "dest", "gha": "scope"}[cache.type] + f"={place}"
    yield f"mode={cache.mode}"
    if cache.type == "registry":
        yield "image-manifest=true,oci-mediatypes=true"  # some registries (ECR) take nothing else


def _cache(project: Project) -> Cache:
    assert project.cache is not None
    return project.cache


def _place(cache: Cache, project: Project, bake_target: str, variable: str) -> str:
    # A branch may be called feature/x, which is no tag.
    scope = f'${{regex_replace({variable}, "[^A-Za-z0-9_.-]", "-")}}'
    name = f"{_short(bake_target)}${{CACHE_PLATFORM}}-{scope}"
    if cache.type == "registry":
        return f"{cache.repository or '${REGISTRY}/cache'}:{name}"
    return f"{cache.folder}/{name}" if cache.type == "local" else name


def _short(bake_target: str) -> str:
    if len(bake_target) <= _LONGEST:
        return bake_target
    digest = hashlib.sha256(bake_target.encode()).hexdigest()[:8]
    return f"{bake_target[: _LONGEST - 9]}-{digest}"
