"""Variables of the bake file in tags: `${NAME}`, and variables derived from others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from edgebake.model.project import Project

Part = Literal["major", "minor", "latest"]

PATTERNS: dict[Part, tuple[str, str]] = {
    "major": (r"^(v?[0-9]+)[.][0-9.]+$", "$1"),
    "minor": (r"^(v?[0-9]+[.][0-9]+)[.][0-9.]+$", "$1"),
    "latest": (r"^v?[0-9]+([.][0-9]+)*$", "latest"),
}
"""Pattern and replacement for each part of a version, for `regex_replace` of HCL. A pre-release does not match."""

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def derive(part: Part, version: str) -> str:
    """Return the part of a version for a floating tag. Anything but a release is returned unchanged.

    >>> derive("minor", "1.4.2"), derive("latest", "1.4.2"), derive("latest", "1.5.0-rc1")
    ('1.4', 'latest', '1.5.0-rc1')
    """
    pattern, replacement = PATTERNS[part]
    return re.sub(pattern, replacement.replace("$", "\\"), version)


def variable_values(project: Project, given: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the variables for tags.

    Args:
        project: the project that declares the variables.
        given: values that replace the defaults. Undeclared names are ignored.
    """
    defaults = {"TAG": project.tag, **{name: variable.default for name, variable in project.variables.items()}}
    values = {name: given.get(name, default) for name, default in defaults.items()}
    for name, variable in project.variables.items():
        if variable.of is not None and variable.part is not None and name not in given:
            values[name] = derive(variable.part, values[variable.of])
    return values


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Return a text with `${NAME}` replaced by its value; names without a value are kept."""
    return _REFERENCE.sub(lambda match: values.get(match[1], match[0]), text)


def names_in(text: str) -> list[str]:
    """Return the names of the variables in a text."""
    return _REFERENCE.findall(text)
