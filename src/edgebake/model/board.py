"""Boards: one machine's memory, GPU and power modes, and the runtime defaults that follow. Data only."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from edgebake.model.base import BadValue, Flag, Line, Model, Name, OneOrMany, matching
from edgebake.model.target import Sm, Target
from edgebake.model.versions import is_specifier, parse_specifier, parse_version, version_matches


def _version_or_range(text: str) -> str:
    if is_specifier(text):
        parse_specifier(text)
    else:
        parse_version(text)
    return text


VersionOrRange = Annotated[str, AfterValidator(_version_or_range)]
Fraction = Annotated[str, AfterValidator(matching(r"0\.[0-9]{1,2}", "is not a fraction between 0 and 1 (0.5)"))]
PartNumber = Annotated[
    str, AfterValidator(matching(r"p[0-9]{4}-[0-9]{4}", "is not a module's part number (p3767-0005)"))
]


class PowerMode(Model):
    """A power mode of nvpmodel."""

    name: Annotated[str, AfterValidator(matching(r"[A-Z0-9_]+", "is not a power mode (MAXN, 15W)"))]
    """As `nvpmodel -q` says it."""
    watts: Annotated[int, Field(gt=0)] | None = None
    """What the module may draw; none if the mode has no limit of its own."""
    default: Flag = False
    """Whether the board starts in it."""


class RuntimeDefaults(Model):
    """What software on the board should start with, unless somebody knows better."""

    memory_fraction: Fraction
    """Part of the memory that a model server may take; the CPU has its share in the same memory."""
    batch_size: Annotated[int, Field(gt=0)]
    """Requests at a time."""
    gpu_layers: Annotated[int, Field(gt=0)]
    """Layers of a language model that are kept on the GPU."""
    context: Annotated[int, Field(gt=0)]
    """Tokens of a language model's context."""


class Board(Model):
    """A board profile."""

    name: Name
    """Its name: jetson-orin-nano-8gb."""
    summary: Line
    """One line that says what it is."""
    memory: Annotated[int, Field(gt=0)]
    """Memory in GB."""
    shared_memory: Flag
    """Whether the GPU shares the CPU's memory."""
    modules: OneOrMany[PartNumber] = ()
    """Part numbers of its module (p3767-0005), as the board's device tree has them."""
    sm: Sm
    """Its GPU's architecture."""
    jetpacks: OneOrMany[VersionOrRange]
    """JetPacks that run on it: versions (a prefix) and ranges."""
    power_modes: tuple[PowerMode, ...]
    """Its power modes; those of a later JetPack are among them."""
    runtime: RuntimeDefaults
    """Defaults for the software that runs on it."""
    sources: OneOrMany[Line]
    """Pages that its facts come from."""

    @model_validator(mode="after")
    def _consistent(self) -> Board:
        for key in ("jetpacks", "power_modes", "sources"):
            # Field(min_length=1) would count an item that is wrong as none, and tell two mistakes.
            if not getattr(self, key):
                raise BadValue("must not be empty", path=(key,))
        names = [mode.name for mode in self.power_modes]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise BadValue(f"the power mode {name!r} stands twice", path=("power_modes", index, "name"))
        if sum(mode.default for mode in self.power_modes) > 1:
            raise BadValue("more than one power mode is the default", path=("power_modes",))
        return self

    def refusal(self, target: Target) -> str:
        """Return why images for a target do not run on the board; "" if they do."""
        if target.jetpack is None:
            return f"the board runs JetPack, and {target.name} is not a target for it"
        if not any(version_matches(target.jetpack, wanted) for wanted in self.jetpacks):
            return f"it runs JetPack {' or '.join(self.jetpacks)}, and {target.name} is for {target.jetpack}"
        if self.sm not in target.sm:
            return f"its GPU is sm {self.sm}, and {target.name} is for sm {', '.join(target.sm)}"
        return ""

    def environment(self) -> dict[str, str]:
        """Return the environment that an image for the board starts with.

        BOARD_… is for any software; LLAMA_ARG_… is what llama.cpp's server reads by itself.
        """
        runtime = self.runtime
        return {
            "BOARD": self.name,
            "BOARD_BATCH_SIZE": str(runtime.batch_size),
            "BOARD_CONTEXT": str(runtime.context),
            "BOARD_GPU_LAYERS": str(runtime.gpu_layers),
            "BOARD_MEMORY_FRACTION": runtime.memory_fraction,
            "BOARD_MEMORY_GB": str(self.memory),
            "LLAMA_ARG_CTX_SIZE": str(runtime.context),
            "LLAMA_ARG_N_GPU_LAYERS": str(runtime.gpu_layers),
        }
