"""The bake file's variables in tags: `${NAME}`, and values that follow from another variable's."""

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
"""What becomes of a version, as `regex_replace` of HCL has it. A pre-release stays as it is: it moves no tag."""

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def derive(part: Part, version: str) -> str:
    """Return the part of a version that a floating tag has; anything but a release stays as it is.

    >>> derive("minor", "1.4.2"), derive("latest", "1.4.2"), derive("latest", "1.5.0-rc1")
    ('1.4', 'latest', '1.5.0-rc1')
    """
    pattern, replacement = PATTERNS[part]
    return re.sub(pattern, replacement.replace("$", "\\"), version)


def variable_values(project: Project, given: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the variables that tags may have.

    Args:
        project: declares them.
        given: values that replace the defaults; other names are left out.
    """
    own = {"TAG": project.tag, **{name: one.default for name, one in project.variables.items()}}
    values = {name: given.get(name, default) for name, default in own.items()}
    for name, one in project.variables.items():
        if one.of is not None and one.part is not None and name not in given:
            values[name] = derive(one.part, values[one.of])
    return values


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Return a text with `${NAME}` filled in, for the names in `values`."""
    return _REFERENCE.sub(lambda found: values.get(found[1], found[0]), text)


def names_in(text: str) -> list[str]:
    """Return the names of the variables in a text."""
    return _REFERENCE.findall(text)
