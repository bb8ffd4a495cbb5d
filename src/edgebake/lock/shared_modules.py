"""Python packages of one environment that install the same module: the later one overwrites the earlier."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping

from edgebake.dataclasses import dataclass
from edgebake.lock.wheel_files import SCRIPTS, WheelContents

TextOf = Callable[[str, str], str]
"""Returns the text of a file of a package's wheel: the package, and the path."""

_NOT_IMPORTED = frozenset({"benchmark", "benchmarks", "doc", "docs", "example", "examples", "test", "tests"})
"""Folders that packages ship by mistake next to their module, and that nobody imports."""
_NAMESPACE = ("declare_namespace", "extend_path")


@dataclass(frozen=True)
class SharedModule:
    """What several packages install.

    Attributes:
        name: the module or program, as prose: "the module 'cv2'".
        packages: the packages, sorted.
        path: a file that all of them have, or the first that two of them have.
    """

    name: str
    packages: tuple[str, ...]
    path: str


def shared_modules(contents: Mapping[str, WheelContents], text_of: TextOf) -> list[SharedModule]:
    """Return the modules and programs that more than one package installs.

    Namespace packages, equal files, documentation and tests outside of a module are no reason.

    Args:
        contents: the files of each package.
        text_of: reads a file, to see whether it is more than the mark of a namespace package.
    """
    found: dict[str, tuple[set[str], set[str]]] = {}
    for path, packages in (*_same_paths(contents, text_of), *_same_names(contents)):
        names, paths = found.setdefault(_what(path), (set(), set()))
        names.update(packages)
        paths.add(path)
    shared = [
        SharedModule(what, tuple(sorted(names)), min(paths, key=_rank)) for what, (names, paths) in found.items()
    ]
    return sorted(shared, key=lambda one: (one.packages, one.name))


def _same_paths(contents: Mapping[str, WheelContents], text_of: TextOf) -> Iterator[tuple[str, list[str]]]:
    """Yield the paths at which packages have different files."""
    owners: dict[str, list[str]] = {}
    for package, content in sorted(contents.items()):
        for path in content.paths:
            owners.setdefault(path, []).append(package)
    for path, packages in sorted(owners.items()):
        if len(packages) > 1 and not _is_harmless(path):
            different = len({contents[package].paths[path] for package in packages}) > 1 or path.startswith(SCRIPTS)
            if different and not _only_marks(path, packages, text_of):
                yield path, packages


def _same_names(contents: Mapping[str, WheelContents]) -> Iterator[tuple[str, list[str]]]:
    """Yield the modules that are a file in one package, and a folder or another kind of file in another."""
    owners: dict[str, dict[str, list[str]]] = {}
    for package, content in sorted(contents.items()):
        for path in content.paths:
            module = _top_module(path)
            if module and not _is_harmless(path):
                owners.setdefault(module, {}).setdefault(path, []).append(package)
    for by_path in owners.values():
        packages = sorted({package for own in by_path.values() for package in own})
        if len(packages) > 1 and len(by_path) > 1:
            yield min(by_path), packages


def _top_module(path: str) -> str:
    """Return the module of which a path is the beginning: `x` for x.py, x.abi3.so and x/__init__.py; or ""."""
    folder, _, rest = path.partition("/")
    if not rest:
        name, _, suffix = path.partition(".")
        return name if suffix == "py" or suffix.endswith("so") else ""
    name, _, suffix = rest.partition(".")
    return folder if name == "__init__" and (suffix == "py" or suffix.endswith("so")) else ""


def _rank(path: str) -> tuple[bool, str]:
    """Return the order in which paths are worth to be shown: code first."""
    return not path.endswith((".py", ".so")), path


def _what(path: str) -> str:
    if path.startswith(SCRIPTS):
        return f"the program {path.removeprefix(SCRIPTS)!r}"
    if path.startswith("../"):
        return f"the file {path.removeprefix('../').partition('/')[2]!r}"
    return f"the module {path.partition('/')[0].partition('.')[0]!r}"


def _is_harmless(path: str) -> bool:
    """Tell whether nothing imports or runs a path, so that any package's file will do."""
    first, _, rest = path.partition("/")
    if not rest:
        return not first.endswith((".py", ".so", ".pth"))
    return first.lower() in _NOT_IMPORTED


def _only_marks(path: str, packages: list[str], text_of: TextOf) -> bool:
    """Tell whether files make their folder a package, and have no code of their own."""
    return path.endswith("/__init__.py") and all(_is_mark(text_of(package, path)) for package in packages)


def _is_mark(text: str) -> bool:
    if any(word in text for word in _NAMESPACE):
        return True
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError):
        return False
    return all(isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant) for one in statements)
