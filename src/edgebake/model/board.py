"""Boards: a device's memory, GPU, power modes and runtime defaults. Data only."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from edgebake.model.base import Address, BadValue, Flag, Line, Model, Name, OneOrMany, matching
from edgebake.model.target import Sm, Target
from edgebake.model.versions import is_specifier, parse_specifier, parse_version, version_matches


def _version_or_range(text: str) -> str:
    if is_specifier(text):
        parse_specifier(text)
    else:
        parse_version(text)
    return text


VersionOrRange = Annotated[str, AfterValidator(_version_or_range)]
Fraction = Annotated[str, matching(r"0\.[0-9]{1,2}", "is not a fraction between 0 and 1 (0.5)")]
PartNumber = Annotated[str, matching(r"p[0-9]{4}-[0-9]{4}", "is not a module part number (p3767-0005)")]


class PowerMode(Model):
    """A power mode of nvpmodel."""

    name: Annotated[str, matching(r"[A-Z0-9_]+", "is not a power mode (MAXN, 15W)")]
    """Its name, as `nvpmodel -q` prints it."""
    watts: Annotated[int, Field(gt=0)] | None = None
    """The module's power limit in watts; not set if the mode has none of its own."""
    default: Flag = False
    """Whether the board starts in this mode."""


class RuntimeDefaults(Model):
    """Defaults for the software on the board. An image can override them."""

    memory_fraction: Fraction
    """Share of the memory that a model server may use; the CPU uses the same memory."""
    batch_size: Annotated[int, Field(gt=0)]
    """Requests in one batch."""
    gpu_layers: Annotated[int, Field(gt=0)]
    """Layers of a language model to keep on the GPU."""
    context: Annotated[int, Field(gt=0)]
    """Context length of a language model, in tokens."""


class Board(Model):
    """A board profile."""

    name: Name
    """Name of the board, such as jetson-orin-nano-8gb."""
    summary: Line
    """Description in one line."""
    memory: Annotated[int, Field(gt=0)]
    """Memory in GB."""
    shared_memory: Flag
    """Whether the GPU shares the CPU's memory."""
    modules: OneOrMany[PartNumber] = ()
    """Part numbers of the module, as in the board's device tree (p3767-0005)."""
    sm: Sm
    """GPU architecture (87)."""
    jetpacks: OneOrMany[VersionOrRange]
    """JetPack versions that run on the board: prefixes (6) and ranges (>=6.1)."""
    power_modes: tuple[PowerMode, ...]
    """Power modes, including those of later JetPack versions."""
    runtime: RuntimeDefaults
    """Defaults for the software on the board."""
    sources: OneOrMany[Address]
    """Pages that the facts come from."""

    @model_validator(mode="after")
    def _consistent(self) -> Board:
        for key in ("jetpacks", "power_modes", "sources"):
            # Field(min_length=1) does not count an invalid item, so one mistake would be reported as two.
            if not getattr(self, key):
                raise BadValue("must not be empty", path=(key,))
        names = [mode.name for mode in self.power_modes]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise BadValue(f"the power mode {name!r} is listed twice", path=("power_modes", index, "name"))
        if sum(mode.default for mode in self.power_modes) > 1:
            raise BadValue("more than one power mode is the default", path=("power_modes",))
        return self

    def refusal(self, target: Target) -> str:
        """Return the reason why images for a target do not run on the board; "" if they run."""
        if target.jetpack is None:
            return f"the board runs JetPack, but {target.name} is not a JetPack target"
        if not any(version_matches(target.jetpack, wanted) for wanted in self.jetpacks):
            return f"the board runs JetPack {' or '.join(self.jetpacks)}, but {target.name} is for {target.jetpack}"
        if self.sm not in target.sm:
            return f"the board's GPU is sm {self.sm}, but {target.name} is for sm {', '.join(target.sm)}"
        return ""

    def environment(self) -> dict[str, str]:
        """Return the environment variables of an image for the board.

        BOARD_… is for any software. LLAMA_ARG_… is read by llama.cpp's server.
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
