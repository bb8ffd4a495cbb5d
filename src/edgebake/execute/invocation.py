"""One invocation of `docker buildx bake`: what goes in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edgebake.dataclasses import dataclass


@dataclass(frozen=True)
class Invocation:
    """The arguments of one bake.

    python-on-whales finds Docker, but the command is made here: its own bake can neither be read as it goes nor be
    stopped when time is over.
    """

    bake_targets: Mapping[str, Sequence[str]]  # the platforms of each, by name
    files: Sequence[str]  # bake files, relative to the working directory
    overrides: Mapping[str, str | Sequence[str]]  # `--set` by key; several values of one key stand together
    variables: Mapping[str, str]  # the bake file's variables
    builder: str | None = None  # a Buildx builder; the one in use if None
    load: bool = False  # load the results into the engine
    jobs: str = ""  # Buildx's --jobs; "" for a Buildx that does not have it

    @property
    def platforms(self) -> list[str]:
        """All platforms that are built."""
        return sorted({platform for platforms in self.bake_targets.values() for platform in platforms})

    def command(self, metadata: Path) -> list[str]:
        """Return the command, which reports its progress on stderr and writes its results to `metadata`."""
        from python_on_whales import DockerClient

        docker = [str(word) for word in DockerClient().client_config.docker_cmd]
        words = [*docker, "buildx", "bake", "--progress=rawjson", f"--metadata-file={metadata}"]
        words += [f"--builder={self.builder}"] if self.builder else []
        words += ["--load"] if self.load else []
        words += [f"--jobs={self.jobs}"] if self.jobs else []
        words += [word for file in self.files for word in ("--file", file)]
        for key, value in self.overrides.items():
            values = [value] if isinstance(value, str) else value
            words += [word for one in values for word in ("--set", f"{key}={one}")]
        return [*words, *self.bake_targets]

    def only(self, names: Sequence[str]) -> Invocation:
        """Return the invocation for some of its bake targets, with what it says of these and of all."""
        others = self.bake_targets.keys() - set(names)
        overrides = {key: value for key, value in self.overrides.items() if key.split(".")[0] not in others}
        return replace(self, bake_targets={name: self.bake_targets[name] for name in names}, overrides=overrides)
