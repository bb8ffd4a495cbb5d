"""What a stage does, as data: operations with typed references, in the place of Dockerfile text.

An operation is a value: equal ones are the same step. Its references (to other stages, to files of the build
context) are objects, so that the graph's edges, the inputs and the fingerprints follow from them (BuildKit's
client/llb is the model). `render/dockerfile.py` prints operations; nothing else knows how they are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from edgebake.dataclasses import dataclass
from edgebake.graph.inputs import Input, OwnRequirements

Pairs: TypeAlias = "tuple[tuple[str, str], ...]"
"""Names and values."""

# ── references


@dataclass(frozen=True, slots=True)
class StageRef:
    """Another stage of the same target, by its id."""

    id: str


@dataclass(frozen=True, slots=True)
class ImageRef:
    """What a stage begins with if it continues no other: the target's base, the build platform's, or nothing."""

    role: Literal["base", "native", "scratch"]


BASE, NATIVE, SCRATCH = ImageRef("base"), ImageRef("native"), ImageRef("scratch")

# ── mounts of a command


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder kept between builds. `locked`: one command at a time has it."""

    id: str
    target: str
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Bind:
    """A file or folder of the build context."""

    source: Input
    target: str


@dataclass(frozen=True, slots=True)
class From:
    """A file or folder of another stage; all of it without `source`."""

    stage: StageRef
    target: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that the build is given, as a file: /run/secrets/ID if there is no `target`.

    `mode`: who can read it; everybody, if it is not said. `required`: the step fails without it.
    """

    id: str
    target: str = ""
    mode: str = "0444"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Ssh:
    """An agent that the build is given. `required`: the step fails without it."""

    id: str = "default"
    required: bool = False


Mount: TypeAlias = Cache | Bind | From | Secret | Ssh

# ── operations


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments, each one word whatever it holds.

    Attributes:
        words: program and arguments.
        items: further arguments, of which each deserves a line: packages.
        env: variables for this program alone.
    """

    words: tuple[str, ...]
    items: tuple[str, ...] = ()
    env: Pairs = ()


@dataclass(frozen=True, slots=True)
class Run:
    """Commands, each run if the one before succeeds.

    Attributes:
        commands: programs; or lines of shell as they are, which hold nothing that a user wrote unquoted.
        mounts: what they see besides.
        env: variables for all of them.
        timeout: seconds for each of them.
        comment: why, for whoever reads the Dockerfile.
    """

    commands: tuple[Command | str, ...]
    mounts: tuple[Mount, ...] = ()
    env: Pairs = ()
    timeout: int | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """Files of the build context, or of another stage.

    Attributes:
        sources: inputs; or paths in the other stage.
        dest: where they go, as COPY has it.
        stage: the other stage.
        link: a layer of its own, which what stands below it does not change.
        mode: permissions, such as 0755; as they are without it.
    """

    sources: tuple[Input | OwnRequirements | str, ...]
    dest: str
    stage: StageRef | None = None
    link: bool = True
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Add:
    """What BuildKit fetches: a file, or a git repository (`url#commit`).

    `source` and `dest` are words without special characters; `checksum` is the file's SHA-256.
    """

    source: str
    dest: str
    checksum: str = ""
    link: bool = True


@dataclass(frozen=True, slots=True)
class Env:
    """Variables of the image."""

    values: Pairs


@dataclass(frozen=True, slots=True)
class SearchPath:
    """Folders put in front of the image's PATH."""

    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arg:
    """Build arguments that the stage uses; one may have a default."""

    names: tuple[str, ...]
    default: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """Who runs what follows, and the container."""

    name: str


@dataclass(frozen=True, slots=True)
class Workdir:
    """Where what follows runs, and the container."""

    path: str


@dataclass(frozen=True, slots=True)
class Shell:
    """What reads the commands that follow."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """Labels of the image."""

    values: Pairs


@dataclass(frozen=True, slots=True)
class Expose:
    """Ports that the container listens on."""

    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Volume:
    """Folders that outlive the container."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """How the engine asks whether the container is well. Times in seconds."""

    words: tuple[str, ...]
    interval: int
    timeout: int
    start_period: int
    retries: int


@dataclass(frozen=True, slots=True)
class StopSignal:
    """What asks the container to end."""

    name: str


@dataclass(frozen=True, slots=True)
class Entrypoint:
    """The program that a container runs."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cmd:
    """Its default arguments, or a program."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Raw:
    """What a user's own template says.

    Attributes:
        pieces: its text, with the references and operations that it names in between.
        inputs: the files that it asked for, wherever their paths went.
        secrets: the ids of secrets that its text mounts.
        ssh: the ids of agents that its text mounts.
    """

    pieces: tuple[str | StageRef | Input | Op, ...]
    inputs: tuple[Input, ...] = ()
    secrets: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()

    @property
    def texts(self) -> Iterator[str]:
        """What of it is text."""
        return (piece for piece in self.pieces if isinstance(piece, str))


Op: TypeAlias = (
    Run | Copy | Add | Env | SearchPath | Arg | User | Workdir | Shell | Label | Expose | Volume | Health
    | StopSignal | Entrypoint | Cmd | Raw
)  # fmt: skip
