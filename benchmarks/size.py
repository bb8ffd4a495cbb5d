#!/usr/bin/env python3
"""How large images are: with build halves, and as a plain Dockerfile makes them.

    python benchmarks/size.py [--quick] [--keep]

Compressed bytes of the layers that come on top of the base image, as the registry has them. The peer is the Dockerfile
that most people begin with: compiler and sources in the image, lists of packages removed. Both are for linux/amd64 and are
pushed to a registry on localhost:5000. Needs `scripts/engine up`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cpp
import harness
from cross import PACKAGES
from harness import tell

REGISTRY = "localhost:5000/benchmark"
PLATFORM = "linux/amd64"
_MOUNT = "RUN --mount=type=secret,id=ca-bundle,target=/run/secrets/ca-bundle,mode=0444 "
_APT = "apt-get update && apt-get install -y --no-install-recommends"
NAIVE = {
    "cpp": (
        f"RUN {_APT} build-essential && rm -rf /var/lib/apt/lists/*\n"
        "COPY src /src\nCOPY build.sh /build.sh\n"
        "RUN SRC=/src OUT=/usr/local bash -euo pipefail /build.sh\n"
    ),
    "wheels": (
        f"RUN {_APT} ca-certificates python3 python3-pip && rm -rf /var/lib/apt/lists/*\n"
        f"{_MOUNT} PIP_CERT=$(test -s /run/secrets/ca-bundle && echo /run/secrets/ca-bundle) "
        f"python3 -m pip install --break-system-packages {' '.join(PACKAGES)}\n"
    ),
}


def main() -> None:
    """Measure and print."""
    arguments = harness.parser(__doc__).parse_args()
    before = harness.load()
    rows = [row("cpp", cpp_project), row("wheels", wheels_project)]
    harness.write_result("size", arguments, rows, [before, harness.load()])


def row(name: str, write: object) -> dict[str, object]:
    """Return the figures of a pair."""
    salt = harness.new_salt()
    with harness.folder() as place:
        assert callable(write)
        image, context = write(place, salt)
        harness.edgebake(place, "bake", "--push", "--quiet", "--builder=default")
        naive = build_naive(name, context, salt)
    base = layers(harness.base_image())
    ours, theirs = (total(layers(one), base) for one in (image, naive))
    found = {"image": name, "naive": theirs, "build_halves": ours, "smaller": round(theirs / ours, 1)}
    tell(str(found))
    return found


def cpp_project(place: Path, salt: str) -> tuple[str, Path]:
    """Write the C++ program's project; return its image and the folder of its recipe."""
    cpp.write_project(place, 2, "build-platform", PLATFORM, salt)
    return f"{REGISTRY}/{salt}/units:dev-cpu", place / "recipes/units"


def wheels_project(place: Path, salt: str) -> tuple[str, Path]:
    """Write the project of the Python packages; return its image and a folder."""
    from cross import write_wheels

    write_wheels(place, PLATFORM)
    text = (place / "edgebake.yaml").read_text(encoding="utf-8")
    project = json.loads(text)
    project["registry"] = f"{REGISTRY}/{salt}"
    (place / "edgebake.yaml").write_text(json.dumps(project), encoding="utf-8")
    harness.edgebake(place, "lock")
    return f"{REGISTRY}/{salt}/packages:dev-cpu", place / "recipes/packages"


def build_naive(name: str, context: Path, salt: str) -> str:
    """Build and push the plain Dockerfile; return its image."""
    image = f"{REGISTRY}/{salt}/naive-{name}:dev"
    (context / "Dockerfile").write_text(f"FROM {harness.base_image()}\n{NAIVE[name]}", encoding="utf-8")
    bundle = os.environ.get("EDGEBAKE_CA_BUNDLE", "")
    secret = [f"--secret=id=ca-bundle,src={bundle}"] if bundle else []
    command = ["docker", "buildx", "build", "--builder=default", "--push", "--provenance=false", f"--tag={image}"]
    harness.run(*command, *secret, str(context), cwd=context)
    return image


def layers(image: str) -> dict[str, int]:
    """Return the compressed bytes of an image's layers for amd64, by digest."""
    done = subprocess.run(
        ["crane", "manifest", f"--platform={PLATFORM}", image], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"crane cannot read {image}\n{done.stderr}")
    return {layer["digest"]: layer["size"] for layer in json.loads(done.stdout)["layers"]}


def total(found: dict[str, int], base: dict[str, int]) -> int:
    """Return the bytes that are not the base image's."""
    return sum(size for digest, size in found.items() if digest not in base)


if __name__ == "__main__":
    main()
