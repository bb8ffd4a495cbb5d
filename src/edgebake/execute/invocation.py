"""One invocation of `docker buildx bake`: what goes in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Invocation:
    """The arguments of one bake.

    python-on-whales finds Docker, but the command is made here: its own bake can neither be read beside another one
    nor be stopped when time is over.

    Attributes:
        bake_targets: their names.
        files: bake files, relative to the working directory.
        overrides: `--set` by key.
        variables: the bake file's variables.
        builder: a Buildx builder; the one in use if None.
        load: load the results into the engine.
        platforms: what is built, for those who watch; none if that is not known.
    """

    bake_targets: Sequence[str]
    files: Sequence[str]
    overrides: Mapping[str, str]
    variables: Mapping[str, str]
    builder: str | None = None
    load: bool = False
    platforms: Sequence[str] = ()

    def command(self, metadata: Path) -> list[str]:
        """Return the command, which tells its progress on stderr and writes its results to `metadata`."""
        from python_on_whales import DockerClient

        docker = [str(word) for word in DockerClient().client_config.docker_cmd]
        words = [*docker, "buildx", "bake", "--progress=rawjson", f"--metadata-file={metadata}"]
        words += [f"--builder={self.builder}"] if self.builder else []
        words += ["--load"] if self.load else []
        words += [word for file in self.files for word in ("--file", file)]
        words += [word for key, value in self.overrides.items() for word in ("--set", f"{key}={value}")]
        return [*words, *self.bake_targets]

    def only(self, names: Sequence[str]) -> Invocation:
        """Return the invocation for some of its bake targets, with what it says of these and of all."""
        others = {name for name in self.bake_targets if name not in names}
        overrides = {key: value for key, value in self.overrides.items() if key.split(".")[0] not in others}
        return replace(self, bake_targets=list(names), overrides=overrides)
