"""What a bench says: lines of JSON on stdout, among others that are for people."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field, ValidationError

from edgebake.dataclasses import dataclass
from edgebake.model.base import Model
from edgebake.model.bench import Run, summarised


class Line(Model):
    """A measurement, as a bench prints it. Without `seconds` the calls ran one after the other."""

    measurement: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\n\r\t]+$")]
    unit: Annotated[str, Field(min_length=1, max_length=30, pattern=r"^[^\n\r\t]+$")] = "calls"
    items: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1
    nanoseconds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    def run(self) -> Run:
        """Return what is kept of it."""
        total = self.seconds if self.seconds is not None else sum(self.nanoseconds) / 1e9
        return summarised(self.nanoseconds, self.items, total)


@dataclass(frozen=True)
class Said:
    """What one run of a bench said.

    `measurements` are (name, unit, run), in its order; `peak_memory` in bytes; `words` is all else that it wrote.
    """

    measurements: tuple[tuple[str, str, Run], ...]
    peak_memory: int | None
    cpu_seconds: float | None
    words: str


class ProtocolError(ValueError):
    """A line of JSON that says a measurement, and says it wrong."""


def parse(output: str) -> Said:
    """Return what the output of a run says.

    Raises:
        ProtocolError: a measurement is malformed, or is listed twice.
    """
    lines: dict[str, Line] = {}
    words, container = [], {}
    for text in output.splitlines():
        data = _object(text)
        if "measurement" in data:
            line = _line(data)
            if line.measurement in lines:
                raise ProtocolError(f"the measurement {line.measurement!r} is listed twice")
            lines[line.measurement] = line
        elif set(data) == {"container"} and isinstance(data["container"], dict):
            container = data["container"]
        elif text.strip():
            words.append(text)
    found = tuple((line.measurement, line.unit, line.run()) for line in lines.values())
    microseconds, peak = container.get("cpu_microseconds"), container.get("peak_memory")
    cpu_seconds = microseconds / 1e6 if isinstance(microseconds, int) else None
    return Said(found, peak if isinstance(peak, int) else None, cpu_seconds, "\n".join(words))


def _object(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {}
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _line(data: dict[str, Any]) -> Line:
    try:
        return Line.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        wrong = f"the measurement {data['measurement']!r} is written wrong: {where}: {first['msg']}"
        raise ProtocolError(wrong) from None
