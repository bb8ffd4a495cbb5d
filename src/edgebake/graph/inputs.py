"""What stages read from the build context."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Literal

from edgebake.dataclasses import dataclass

InputKind = Literal[
    "project",  # a file or folder of the project's own, read where it lies
    "vendored",  # of a catalogue recipe, copied into the generated files
    "helper",  # a script of edgebake's own, copied into the generated files
    "requirements",  # generated: the Python packages that a stage fetches
    "constraints",  # generated: the Python requirements of an image that is not locked
]

_FOLDERS: dict[InputKind, str] = {
    "vendored": "context/",
    "helper": "context/edgebake/",
    "constraints": "context/constraints/",
}


@dataclass(frozen=True)
class Input:
    """A file or folder that a stage reads from the build context.

    Attributes:
        kind: where it comes from.
        name: where it lies: below the project's folder, or below the generated files' one for its kind. Of
            requirements it is the architecture that they are for.
        source: where its bytes are, if it is not generated.
        content: its bytes, if it is generated.
    """

    kind: InputKind
    name: str
    source: Path | None = None
    content: bytes | None = None

    @property
    def generated(self) -> str:
        """Its path below the generated files; requirements have another in each stage: see `requirements_path`."""
        return _FOLDERS[self.kind] + self.name

    def path(self, output: str) -> str:
        """Return its path in the build context.

        Args:
            output: the folder of generated files, relative to the project's.
        """
        return self.name if self.kind == "project" else f"{output}/{self.generated}"

    @property
    def shown(self) -> str:
        """What a plan calls it."""
        return f"edgebake/{self.name}" if self.kind == "helper" else self.name

    @property
    def canonical(self) -> tuple[str, str]:
        """What it is, whatever its bytes: a generated file is named after them, or after its stage."""
        return self.kind, "" if self.content is not None else self.name

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what is generated, in hex; "" for what is read from a file."""
        return hashlib.sha256(self.content).hexdigest() if self.content is not None else ""


@dataclass(frozen=True, slots=True)
class OwnRequirements:
    """The requirements of the stage that names them: a file for each architecture, which has the stage's name."""


def requirements_path(target: str, stage: str, arch: str) -> str:
    """Return the path of a stage's requirements below the generated files.

    Args:
        target: the target's name.
        stage: the stage's name in the Dockerfile.
        arch: the architecture, or the build argument that says it.
    """
    return f"{target}/requirements/{stage}.{arch}.txt"
