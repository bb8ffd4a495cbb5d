"""What a registry holds, asked through Buildx, which has the user's logins and mirrors."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

TIMEOUT = 120  # seconds


@dataclass(frozen=True)
class Manifest:
    """A digest, and that of each platform's manifest (`linux/arm64`); attestations are left out."""

    digest: str
    platforms: Mapping[str, str]


class NoAnswerError(Exception):
    """A registry did not show a reference. The text is what Buildx said."""


def look_up(reference: str) -> Manifest:
    """Return what a registry has under a reference.

    Raises:
        NoAnswerError: it has nothing, refuses, or cannot be reached; or there is no Docker to ask with.
    """
    command = ["docker", "buildx", "imagetools", "inspect", reference, "--format", "{{json .}}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except FileNotFoundError:
        raise NoAnswerError("there is no docker command") from None
    except subprocess.TimeoutExpired:
        raise NoAnswerError(f"no answer within {TIMEOUT} s") from None
    if done.returncode != 0:
        raise NoAnswerError((done.stderr.strip().splitlines() or ["no answer"])[-1].removeprefix("ERROR: "))
    data = json.loads(done.stdout)
    manifest = data["manifest"]
    platforms = {_name(child.get("platform", {})): child["digest"] for child in manifest.get("manifests", ())}
    platforms.pop("unknown/unknown", None)  # attestations
    if not platforms:  # a single image says its platform in its configuration
        platforms[_name(data.get("image", {}))] = manifest["digest"]
    return Manifest(manifest["digest"], platforms)


def _name(platform: Mapping[str, str]) -> str:
    return f"{platform.get('os')}/{platform.get('architecture')}"
