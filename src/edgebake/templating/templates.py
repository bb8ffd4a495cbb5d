"""Templates: edgebake's own, those of a project that go before them, and those that a recipe brings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from jinja2 import ChoiceLoader, FileSystemLoader, Template
from jinja2.nativetypes import NativeCodeGenerator

from edgebake.errors import Position
from edgebake.load.folders import builtin_root
from edgebake.templating.environment import Plain
from edgebake.templating.quote import copy_words, dockerfile_word, exec_form, shell_word, volume_paths, yaml_string
from edgebake.templating.sandbox import FILE, Sandboxed, guarded
from edgebake.templating.visible import Kept, KeptText, Pieces

_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")

PRINTING = "dockerfile"
"""The folder with the templates that print Dockerfiles."""


def _path_word(folders: Sequence[str]) -> str:
    # Only this ${PATH} is meant for the Dockerfile; the folders are text.
    return dockerfile_word(":".join(folders) + ":")[:-1] + '${PATH}"'


def _shell_words(words: Iterable[str]) -> str:
    return " ".join(map(shell_word, words))


def _shell_assignments(pairs: Iterable[tuple[str, str]]) -> str:
    return " ".join([f"{name}={shell_word(value)}" for name, value in pairs])


def _path_text(path: str) -> str:
    """Return one path for an instruction that takes words: as it is if it is plain, else quoted."""
    return path if _PLAIN_PATH.fullmatch(path) else dockerfile_word(path)


_FILTERS: dict[str, Callable[..., Any]] = {
    "copy_words": copy_words,
    "dockerfile_word": dockerfile_word,
    "exec_form": exec_form,
    "json": json.dumps,
    "path_text": _path_text,
    "path_word": _path_word,
    "shell_assignments": _shell_assignments,
    "shell_word": shell_word,
    "shell_words": _shell_words,
    "volume_paths": volume_paths,
    "yaml": yaml_string,
}


class Templates:
    """Templates of edgebake and of one project.

    Args:
        builtin: edgebake's own.
        own: the project's, which go before them, if it has any.
    """

    def __init__(self, builtin: Path, own: Path | None = None) -> None:
        self._own = own
        self._folders = [builtin] if own is None else [own, builtin]
        self._helpers: dict[str, Path] = {}
        self._templates: dict[str, Template] = {}

    @property
    def own_printing(self) -> Path | None:
        """The project's folder of templates that print Dockerfiles; None if it has none."""
        folder = self._own / PRINTING if self._own else None
        return folder if folder is not None and folder.is_dir() else None

    @cached_property
    def _shared(self) -> Plain:
        """The environment of the shared templates. A sandbox costs a large compile a tenth of its time."""
        return self._environment(Sandboxed if self._own else Plain)

    @cached_property
    def _recipes(self) -> Plain:
        """The environment of templates that a recipe brings."""
        return self._environment(_InPieces)

    def _environment(self, kind: type[Plain]) -> Plain:
        environment = kind(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in self._folders]),
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
        )
        environment.add_filters(_FILTERS)
        return environment

    def render(self, name: str, **values: Any) -> str:
        """Return a shared template, filled in, without blank lines at its ends.

        Raises:
            EdgebakeError: the project's own template is wrong.
        """
        with self.running(name):
            if name not in self._templates:
                self._templates[name] = self._shared.get_template(name)
            return self._templates[name].render(values).strip("\n")

    def macros(self, name: str) -> ModuleType:
        """Return the macros of a shared template, as functions, which are called within :meth:`running`.

        Raises:
            EdgebakeError: the project's own template is wrong.
        """
        with self.running(name):
            return cast(ModuleType, self._shared.get_template(name).module)

    def running(self, name: str) -> AbstractContextManager[None]:
        """Return a context in which a shared template runs, where the mistakes of a project's own are reported."""
        if self._own is None:
            return nullcontext()
        path = next((folder / name for folder in self._folders if (folder / name).is_file()), self._own / name)
        return guarded(FILE, Position(str(path)))

    def pieces(self, text: str, values: Mapping[str, Any], at: Position) -> list[Any]:
        """Return a recipe's own template, filled in: text, and between it the values of what is `Kept`.

        Raises:
            EdgebakeError: the template is wrong.
        """
        with guarded(FILE, at):
            found: Any = self._recipes.from_string(text).render(values)
        pieces = found if isinstance(found, Pieces) else [found]
        return [one.value if isinstance(one, Kept | KeptText) else one for one in pieces]

    def helper(self, name: str) -> Path:
        """Return the path of a script that generated stages use.

        Raises:
            FileNotFoundError: there is none of this name.
        """
        if name not in self._helpers:
            paths = [folder / "context" / name for folder in self._folders]
            found = next((path for path in paths if path.is_file()), None)
            if found is None:
                raise FileNotFoundError(name)
            self._helpers[name] = found
        return self._helpers[name]


@lru_cache(maxsize=1)
def _builtin_templates() -> Templates:
    return Templates(builtin_root() / "templates")


def project_templates(root: Path) -> Templates:
    """Return the templates for the project in a folder: its own go before edgebake's."""
    own = root / "templates"
    return Templates(builtin_root() / "templates", own) if own.is_dir() else _builtin_templates()


# ── templates whose result is more than text


class _InPieces(Sandboxed):
    """An environment whose templates give a list, where they put values between their text."""

    code_generator_class = NativeCodeGenerator

    @staticmethod
    def concat(values: Iterable[Any]) -> Any:
        """Return what a template, or a macro in it, gives: text if it is nothing else."""
        pieces = Pieces(_merged(values))
        return Sandboxed.concat(pieces) if all(type(piece) is str for piece in pieces) else pieces


def _merged(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, Pieces):  # a macro's
            yield from value
        else:
            yield value if isinstance(value, Kept | KeptText) else str(value)
