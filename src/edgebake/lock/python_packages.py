"""The Python resolution of an image on a target and platform, made by uv."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edgebake.graph.python_env import resolution_inputs
from edgebake.graph.view import RecipeView
from edgebake.model.lock import LockedPackage, LockedPython
from edgebake.model.target import Target

_MACHINE = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
_UV_MANYLINUX = (17, 28, *range(31, 41))
"""Minor versions of glibc 2 that uv has platforms for (https://docs.astral.sh/uv/reference/cli/#uv-pip-compile)."""
TIMEOUT = 600  # seconds


def lock_python(
    views: Sequence[RecipeView],
    platform: str,
    preferred: Mapping[str, LockedPackage],
    *,
    wheelhouse: Path | None = None,
    ca_bundle: Path | None = None,
) -> LockedPython:
    """Resolve the Python requirements of an image's recipes together, with hashes.

    Args:
        views: the image's recipes in order.
        platform: the OCI platform.
        preferred: packages of an earlier resolution. They are kept if they fit.
        wheelhouse: an additional folder of wheels.
        ca_bundle: certificates to trust.

    Returns:
        The packages; no packages and the reason if an index cannot be reached, or has no fitting wheels.
    """
    target = views[0].target
    inputs = resolution_inputs(views)
    with tempfile.TemporaryDirectory(prefix="edgebake-lock-") as folder:
        names = _write_inputs(Path(folder), views)
        output = Path(folder) / "locked.txt"
        output.write_text("".join(f"{package.requirement}\n" for package in preferred.values()), encoding="utf-8")
        command = [*_command(target, platform, views, wheelhouse), "--output-file", output.name, *names]
        environment = {**os.environ, **({"SSL_CERT_FILE": str(ca_bundle)} if ca_bundle else {})}
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            return LockedPython(inputs=inputs, reason=f"the indexes did not answer within {TIMEOUT} s")
        if done.returncode != 0:
            return LockedPython(inputs=inputs, reason=_reason(done.stderr, views))
        return LockedPython(inputs=inputs, packages=parse_locked(output.read_text(encoding="utf-8")))


def _write_inputs(folder: Path, views: Sequence[RecipeView]) -> list[str]:
    names = []
    for view in views:
        if view.pip:
            name = f"{view.pin.name}.in"
            (folder / name).write_text("\n".join(view.pip) + "\n", encoding="utf-8")
            names.append(name)
    return names


def _command(target: Target, platform: str, views: Sequence[RecipeView], wheelhouse: Path | None) -> list[str]:
    from uv import find_uv_bin

    indexes = dict.fromkeys(index for view in views for index in view.pip_index)
    return [
        os.fspath(find_uv_bin()),
        *("pip", "compile", "--quiet", "--no-header", "--generate-hashes", "--annotation-style", "split"),
        *("--python-version", str(target.python), "--python-platform", uv_platform(target, platform)),
        # A package without a wheel would be compiled in the image.
        *("--only-binary", ":all:"),
        *(word for index in indexes for word in ("--index", index)),
        *(("--find-links", os.fspath(wheelhouse)) if wheelhouse else ()),
    ]


def uv_platform(target: Target, platform: str) -> str:
    """Return uv's name for a platform, with the newest manylinux version that the target's C library supports."""
    minor = int(target.glibc.split(".")[1])
    newest = max((version for version in _UV_MANYLINUX if version <= minor), default=_UV_MANYLINUX[0])
    return f"{_MACHINE[platform]}-manylinux_2_{newest}"


def _reason(stderr: str, views: Sequence[RecipeView]) -> str:
    """Return why uv failed, without details that differ between machines, because the lock is committed."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", stderr)
    if re.search(r"error sending request|dns error|connect error|Connection refused|timed out", text):
        indexes = dict.fromkeys(index for view in views for index in view.pip_index)
        unreachable = next((index for index in indexes if index in text), None)
        return f"the index {unreachable} cannot be reached" if unreachable else "an index cannot be reached"
    lines = [re.sub(r"^[\s×╰─▶├│:]+|^(error|Caused by): *", "", part).strip() for part in text.splitlines()]
    errors = [part for part in lines if part and not part.startswith(("warning:", "hint:"))]
    return " ".join(errors)[:400] or "uv gave no reason"


def parse_locked(text: str) -> dict[str, LockedPackage]:
    """Parse the output of `uv pip compile --generate-hashes --annotation-style split`.

    Returns:
        The packages by normalised name, sorted.
    """
    packages: dict[str, LockedPackage] = {}
    for block in re.split(r"\n(?=\S)", text.strip()):
        lines = [line.strip().rstrip("\\").strip() for line in block.splitlines()]
        if not lines or not lines[0] or lines[0].startswith(("#", "-")):
            continue
        name = canonicalize_name(Requirement(lines[0]).name)
        hashes = tuple(sorted(line.removeprefix("--hash=") for line in lines if line.startswith("--hash=")))
        packages[name] = LockedPackage(requirement=lines[0], hashes=hashes, via=tuple(sorted(_origins(lines))))
    return dict(sorted(packages.items()))


def _origins(lines: Sequence[str]) -> set[str]:
    """Return what requires a package, from its `# via` comment: a name on that line, or on each line below."""
    names = set()
    for line in lines:
        if not line.startswith("#"):
            continue
        name = line.lstrip("# ").removeprefix("via").strip()
        if name.startswith("-r "):
            names.add("recipe:" + name.removeprefix("-r ").removesuffix(".in"))
        elif name:
            names.add(str(canonicalize_name(name.split("[")[0])))
    return names
