"""Which facts of a recipe (versions, URLs, commits) a page among its sources gives, and which none does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from edgebake.dataclasses import dataclass
from edgebake.errors import Position
from edgebake.lint.scripts import scripts_of
from edgebake.load.catalogue import LoadedRecipe
from edgebake.load.document import Location
from edgebake.model.recipe import Citation, Recipe, Release, additions_of

Kind = Literal["version", "commit", "url"]

_FILE_HOSTS = {
    "files.pythonhosted.org": "pypi.org",
    "static.crates.io": "crates.io",
    "registry.npmjs.org": "www.npmjs.com",
    "proxy.golang.org": "pkg.go.dev",
    "repo.maven.apache.org": "central.sonatype.com",
}
"""Hosts of registries that only hand out files, and those whose pages list them with their digests."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHORT_COMMIT = 7  # digits, as git and GitHub show them
_PIN = re.compile(r"===?\s*([A-Za-z0-9][A-Za-z0-9._+!-]*)")
_URL = re.compile(r"https?://[^\s\"'`<>()\[\]|;,\\]+")
_NOT_LITERAL = re.compile(r"\{\{|\{%|\$")
_RELEASE_FILE = re.compile(r"(github\.com/[^/]+/[^/]+/releases)/download/([^/]+)/")
_OWN_MACHINE = ("localhost", "127.0.0.1", "0.0.0.0", "[::1]")


@dataclass(frozen=True)
class Fact:
    """What somebody could look up. Of a URL that is a template, `text` is what stands before its first value."""

    kind: Kind
    text: str
    at: Position


def facts_of(loaded: LoadedRecipe, root: Path) -> list[Fact]:
    """Return the facts of a recipe, each once.

    Releases that are a function of the target are not looked at: they have no text of their own.

    Args:
        loaded: the recipe.
        root: the folder that positions in its scripts are shown relative to.
    """
    document = loaded.document
    found = [Fact(kind, text, document.at(location)) for kind, text, location in _written(loaded.recipe)]
    found += _in_scripts(loaded, root)
    return list({(fact.kind, fact.text): fact for fact in reversed(found)}.values())[::-1]


def uncited(loaded: LoadedRecipe, facts: Iterable[Fact]) -> list[Fact]:
    """Return those of a recipe's facts that none of its sources gives."""
    sources = loaded.recipe.sources
    return [fact for fact in facts if not any(_gives(source, fact) for source in sources)]


# ── facts

_Written = Iterator[tuple[Kind, str, Location]]


def _written(recipe: Recipe) -> _Written:
    releases = () if callable(recipe.releases) else recipe.releases
    for here, part in additions_of(releases):
        if isinstance(part, Release) and part.version != "0":
            yield "version", part.version, (*here, "version")
        yield from _in_args(part.args, (*here, "args"))
        yield from _in_packages(part.pip, part.pip_index, here)
    yield from _in_args(recipe.args, ("args",))
    yield from _in_packages(recipe.install.pip, recipe.install.pip_index, ("install",))
    for index, source in enumerate(recipe.build.sources if recipe.build else ()):
        here = ("build", "sources", index)
        for key, url in (("git", source.git), ("url", source.url)):
            yield from _url(url or "", (*here, key))
        if source.commit and _COMMIT.fullmatch(source.commit):
            yield "commit", source.commit, (*here, "commit")


def _in_args(args: dict[str, str], here: Location) -> _Written:
    for name, value in args.items():
        if _COMMIT.fullmatch(value):
            yield "commit", value, (*here, name)
        yield from _url(value, (*here, name))


def _in_packages(pip: Sequence[str], indexes: Sequence[str], here: Location) -> _Written:
    for index, text in enumerate(pip):
        pin = _PIN.search(text.partition(";")[0])
        if pin:
            yield "version", pin[1], (*here, "pip", index)
        found = _URL.search(text)
        yield from _url(found[0] if found else "", (*here, "pip", index))
    for index, url in enumerate(indexes):
        yield from _url(url, (*here, "pip_index", index))


def _url(text: str, location: Location) -> _Written:
    url = _literal(text)
    if url:
        yield "url", url, location


def _literal(text: str) -> str:
    """Return the beginning of a URL before the first value that is put in; empty if that is not even a host."""
    url = _NOT_LITERAL.split(text)[0]
    parts = urlsplit(url)
    is_whole = url == text or parts.path
    return url if parts.scheme in ("http", "https") and parts.hostname and is_whole else ""


def _in_scripts(loaded: LoadedRecipe, root: Path) -> Iterator[Fact]:
    for script in scripts_of(loaded, root):
        for number, line in enumerate(script.text.splitlines() if script.half in ("build", "install") else (), 1):
            code = line.partition(" #")[0]
            for found in () if code.lstrip().startswith("#") else _URL.finditer(code):
                url = _literal(found[0])
                if url and urlsplit(url).hostname not in _OWN_MACHINE:
                    yield Fact("url", url, Position(script.shown, number, found.start() + 1))


# ── citations


def _gives(source: Citation, fact: Fact) -> bool:
    if fact.kind == "url":
        return _gives_url(source, fact.text)
    texts = (unquote(source.page), *source.cites)
    if fact.kind == "commit":
        return any(fact.text[:_SHORT_COMMIT] in text for text in texts)
    word = re.compile(rf"(?<![0-9A-Za-z])(?<![0-9]\.)[vV]?{re.escape(fact.text)}(?![0-9A-Za-z]|\.[0-9])")
    return any(word.search(text) for text in texts)


def _gives_url(source: Citation, url: str) -> bool:
    page, host = _bare(source.page), urlsplit(url).hostname or ""
    bare = _bare(url)
    if page.startswith(bare) or any(text and bare.startswith(_bare(text)) for text in source.cites):
        return True
    release = _RELEASE_FILE.match(bare)
    return (release is not None and page == f"{release[1]}/tag/{release[2]}") or (
        urlsplit(source.page).hostname == _FILE_HOSTS.get(host)
    )


def _bare(url: str) -> str:
    """Return a URL without what does not distinguish pages: its scheme, and the suffix of a git repository."""
    return url.partition("://")[2].rstrip("/").removesuffix(".git") if "://" in url else url
