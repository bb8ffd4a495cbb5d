"""The text of one stage, from its template: the shared ones, or a recipe's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, Template, TemplateError

from edgebake.errors import EdgebakeError, Position
from edgebake.templating.environment import Plain, Sandboxed
from edgebake.templating.quote import copy_words, dockerfile_word, exec_form, shell_word, yaml_string

MACROS = "stages/macros.j2"


def _path_word(folders: Sequence[str]) -> str:
    # Only this ${PATH} is meant for the Dockerfile; the folders are text.
    return dockerfile_word(":".join(folders) + ":")[:-1] + '${PATH}"'


def _workdir_word(paths: Sequence[str]) -> str:
    return dockerfile_word(paths[0])


class StageTemplates:
    """Renders stages.

    Args:
        builtin: edgebake's own templates.
        own: the project's, which go before them, if it has any.
    """

    def __init__(self, builtin: Path, own: Path | None = None) -> None:
        self._own = own
        self._folders = [builtin] if own is None else [own, builtin]
        self._helpers: dict[str, Path] = {}
        self._templates: dict[str, Template] = {}

    @cached_property
    def _shared(self) -> Environment:
        """The environment of the shared templates. A sandbox costs a large compile a tenth of its time."""
        return self._sandbox if self._own else self._environment(Plain)

    @cached_property
    def _sandbox(self) -> Environment:
        """The environment of templates that a project or a recipe brings."""
        return self._environment(Sandboxed)

    def _environment(self, kind: type[Environment]) -> Environment:
        environment = kind(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in self._folders]),
            auto_reload=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
        )
        environment.filters.update(
            dockerfile_word=dockerfile_word,
            copy_words=copy_words,
            exec_form=exec_form,
            shell_word=shell_word,
            path_word=_path_word,
            workdir_word=_workdir_word,
            json=json.dumps,
            yaml=yaml_string,
        )
        environment.globals["m"] = environment.get_template(MACROS).module  # once, not with every stage
        return environment

    def render(self, name: str, **values: Any) -> str:
        """Return a shared template, filled in, without blank lines at its ends. It sees the macros as `m`."""
        if name not in self._templates:
            self._templates[name] = self._shared.get_template(name)
        return self._templates[name].render(values).strip("\n")

    def render_own(self, text: str, values: dict[str, Any], at: Position) -> str:
        """Return a recipe's own template, filled in.

        Raises:
            EdgebakeError: the template is wrong.
        """
        try:
            return self._sandbox.from_string(text).render(values).strip("\n")
        except TemplateError as error:
            line = getattr(error, "lineno", None) or at.line
            raise EdgebakeError(
                f"the template is wrong: {error.message}", at=Position(at.path, line, 1 if line else 0)
            ) from None

    def helper(self, name: str) -> Path:
        """Return the path of a script that generated stages use."""
        if name not in self._helpers:
            paths = [folder / "context" / name for folder in self._folders]
            self._helpers[name] = next(path for path in paths if path.is_file())
        return self._helpers[name]
