"""`edgebake detect`, as it is called."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

MACHINES = Path(__file__).parents[1] / "machines"


def detected(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgebake", "detect", *args]
    environment = {**os.environ, **env}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_another_machine_s_files(tmp_path: Path) -> None:
    done = detected(tmp_path, "--root", str(MACHINES / "jetson-orin-nano-jp6.2"))
    rows = [line.split("  ") for line in done.stdout.splitlines()]
    values = {row[0].strip(): next(cell.strip() for cell in row[1:] if cell.strip()) for row in rows}
    assert values["Board profile"] == "jetson-orin-nano-8gb"
    assert values["JetPack"] == "6.2"
    assert values["Targets"] == "jetpack-6.2, jetpack-6.1, cpu"
    assert done.stderr == ""


def test_as_json(tmp_path: Path) -> None:
    data = json.loads(detected(tmp_path, "--json", "--root", str(MACHINES / "dgx-spark")).stdout)
    assert data["version"] == 1
    assert data["kind"] == {"value": "sbsa", "source": "/var/lib/dpkg/status"}
    assert data["l4t"] is None
    assert [gpu["sm"] for gpu in data["gpus"]] == ["121"]
    assert data["targets"][0] == {"name": "cuda-12.8-sbsa", "grade": "compatible"}


def test_with_root_nothing_of_this_machine_is_asked(tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\necho 'NVIDIA H100 PCIe, 9.0, 81559, 550.54.15'\n")
    program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    other = json.loads(detected(tmp_path, "--json", "--root", str(MACHINES / "pc-no-gpu"), PATH=path).stdout)
    assert other["gpus"] == []
    assert not (tmp_path / "asked").exists()
    here = json.loads(detected(tmp_path, "--json", PATH=path).stdout)
    assert "NVIDIA H100 PCIe" in [gpu["name"] for gpu in here["gpus"]]
    assert (tmp_path / "asked").exists()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = detected(tmp_path, "--root", "nowhere")
    assert done.returncode == 2
    assert done.stderr.startswith("error: folder 'nowhere' not found\n")


def test_compiling_never_imports_what_asks_the_host(tmp_path: Path) -> None:
    (tmp_path / "edgebake.yaml").write_text("images: {one: {recipes: [python], targets: [cpu]}}\n")
    code = (
        "import sys; sys.argv = ['edgebake', 'plan'];"
        "from edgebake.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name.startswith('edgebake.host')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stderr.splitlines()[-1] == "[]"
