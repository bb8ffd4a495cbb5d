"""What a registry holds, asked through Buildx, which has the user's logins."""

from __future__ import annotations

import json
import subprocess

from edgebake.errors import EdgebakeError

TIMEOUT = 120  # seconds


def manifest_platforms(reference: str) -> tuple[str, dict[str, str]]:
    """Return the digest of a reference, and that of each platform's manifest; attestations are left out.

    Raises:
        EdgebakeError: the registry does not have it, or does not answer.
    """
    command = ["docker", "buildx", "imagetools", "inspect", reference, "--format", "{{json .}}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no answer"])[-1].removeprefix("ERROR: ")
        raise EdgebakeError(f"the registry was asked for {reference} and does not show it", reason=last)
    data = json.loads(done.stdout)
    manifest = data["manifest"]
    platforms = {}
    for child in manifest.get("manifests", ()):
        platform = child.get("platform", {})
        name = f"{platform.get('os')}/{platform.get('architecture')}"
        if name != "unknown/unknown":
            platforms[name] = child["digest"]
    if not platforms:
        config = data.get("image", {})
        platforms[f"{config.get('os')}/{config.get('architecture')}"] = manifest["digest"]
    return manifest["digest"], platforms
