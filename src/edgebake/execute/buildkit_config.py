"""BuildKit's configuration for the project's builder: the project's own file, and its registries without TLS.

Buildx reads it, checks it, and copies it and the certificates that it names into the builder.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from edgebake.errors import EdgebakeError
from edgebake.model.project import Project
from edgebake.system.atomic import write_file

CONFIG = Path(".edgebake/buildkitd.toml")
"""What `docker buildx create` is given, relative to the project."""


def buildkit_config(root: Path, project: Project) -> str:
    """Return the configuration for the project's builder; "" if it has none.

    The registries without TLS are added to the project's own file, unless that already configures them.

    Raises:
        EdgebakeError: the project's file cannot be read.
    """
    if project.builder is None or project.builder.driver == "remote":
        return ""
    text = _own_text(root, project.builder.config) if project.builder.config else ""
    plain = [host for host in project.insecure_registries if not _configures(text, host)]
    tables = [f"[registry.{json.dumps(host)}]\n  http = true\n" for host in plain]
    return "\n".join([*([text.rstrip("\n") + "\n"] if text else []), *tables])


def write_buildkit_config(root: Path, project: Project) -> None:
    """Write the configuration to :data:`CONFIG`, if the builder has one.

    Raises:
        EdgebakeError: as :func:`buildkit_config`, or the file cannot be written.
    """
    text = buildkit_config(root, project)
    if text:
        write_file(root / CONFIG, text.encode())


def _configures(text: str, host: str) -> bool:
    return bool(re.search(rf"^\s*\[registry\.[\"']{re.escape(host)}[\"']\]", text, re.MULTILINE))


def _own_text(root: Path, path: str) -> str:
    try:
        return (root / path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EdgebakeError(f"BuildKit's configuration {path!r} cannot be read", reason=str(error)) from None
