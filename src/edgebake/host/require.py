"""NVIDIA_REQUIRE_CUDA: what an image asks of driver and GPU before NVIDIA's container toolkit starts it.

Words apart by blanks are alternatives; the parts of a word, apart by commas, must all hold:
https://github.com/NVIDIA/nvidia-container-toolkit/tree/main/internal/requirements
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from operator import eq, ge, gt, le, lt, ne

from packaging.version import InvalidVersion, Version

_OPERATORS = {">=": ge, "<=": le, "!=": ne, "=": eq, "<": lt, ">": gt}
_PART = re.compile(r"(cuda|driver|arch|brand)(>=|<=|!=|=|<|>)(.+)")


def alternatives_that_hold(require: str, properties: Mapping[str, str]) -> list[str]:
    """Return the alternatives that hold.

    `properties` are `cuda`, `driver`, `arch` (8.6) and `brand`, as far as they are known.
    """
    return [word for word in require.split() if all(_holds(part, properties) for part in word.split(","))]


def _holds(part: str, properties: Mapping[str, str]) -> bool:
    match = _PART.fullmatch(part)
    found = properties.get(match[1]) if match else None
    if match is None or found is None:
        return False
    name, operator, wanted = match.groups()
    if name == "brand":
        return (found == wanted) is (operator == "=")
    try:
        return bool(_OPERATORS[operator](Version(found), Version(wanted)))
    except InvalidVersion:
        return False
