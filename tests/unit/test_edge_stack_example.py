"""The edge-stack example's vision service, by its recipe's own test, without an image."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

VISION = Path(__file__).resolve().parents[2] / "examples/edge-stack/vision"


def test_the_vision_service_passes_its_own_test() -> None:
    environ = {**os.environ, "PYTHONPATH": str(VISION)}
    done = subprocess.run(
        [sys.executable, VISION / "test.py"], env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "two markers and a code found" in done.stdout
