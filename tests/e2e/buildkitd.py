"""A buildkitd of one's own: what GitHub's setup-buildx gives a runner, and what `remote` builders are made of."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT, run

CACHE = Path("/var/cache/edgebake")
WAIT = 60  # seconds


@dataclass(frozen=True)
class Buildkitd:
    """A daemon, its address and its log."""

    process: subprocess.Popen[bytes]
    folder: Path
    buildctl: Path

    @property
    def address(self) -> str:
        return f"unix://{self.folder}/s"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def ctl(self, *args: str) -> str:
        return run(str(self.buildctl), "--addr", self.address, *args).out

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)


def start_buildkitd(folder: Path, *options: str) -> Buildkitd:
    """Start a daemon whose store is below `folder`, and wait until it answers."""
    binaries = sorted(CACHE.glob("buildkit-*"))
    if not binaries:
        run(str(ROOT / "scripts/engine"), "buildkitd", "up")  # makes them
        binaries = sorted(CACHE.glob("buildkit-*"))
    config = folder / "buildkitd.toml"  # so that one in /etc is not read
    config.write_text("")
    address = f"unix://{folder}/s"
    command = [binaries[-1] / "buildkitd", "--config", config, "--root", folder / "root", "--addr", address]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--debug", "--containerd-worker=false", *options], stdout=subprocess.DEVNULL, stderr=log
        )
    made = Buildkitd(process, folder, binaries[-1] / "buildctl")
    end = time.monotonic() + WAIT
    while not _answers(made):
        if time.monotonic() > end or made.process.poll() is not None:
            made.process.kill()
            raise AssertionError(f"buildkitd does not answer\n{made.log[-4000:]}")
        time.sleep(0.2)
    return made


def _answers(made: Buildkitd) -> bool:
    command = [made.buildctl, "--addr", made.address, "debug", "workers"]
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
