"""NVIDIA_REQUIRE_CUDA: what an image asks of driver and GPU before NVIDIA's container toolkit starts it.

Words apart by blanks are alternatives; the parts of a word, apart by commas, must all hold:
https://github.com/NVIDIA/nvidia-container-toolkit/tree/main/internal/requirements
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from packaging.version import InvalidVersion, Version

_PART = re.compile(r"(cuda|driver|arch|brand)(>=|<=|!=|=|<|>)(.+)")


def alternatives_that_hold(require: str, properties: Mapping[str, str]) -> list[str]:
    """Return the alternatives that hold.

    Args:
        require: the variable's value.
        properties: `cuda`, `driver`, `arch` (8.6) and `brand`, as far as they are known.
    """
    return [word for word in require.split() if all(_holds(part, properties) for part in word.split(","))]


def _holds(part: str, properties: Mapping[str, str]) -> bool:
    match = _PART.fullmatch(part)
    if not match:
        return False
    name, operator, wanted = match.groups()
    found = properties.get(name)
    if found is None:
        return False
    if name == "brand":
        return (found == wanted) is (operator == "=")
    try:
        left, right = Version(found), Version(wanted)
    except InvalidVersion:
        return False
    return {
        ">=": left >= right,
        "<=": left <= right,
        "!=": left != right,
        "=": left == right,
        "<": left < right,
        ">": left > right,
    }[operator]
