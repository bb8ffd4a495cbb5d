"""Installs a wheel, made here, in an environment, a locked project and as a tool, and runs what it computes."""

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

NAME, VERSION = "sixseven", "6.7"
FILES = {
    f"{NAME}.py": "def answer():\n    return 6 * 7\n\n\ndef main():\n    print(answer())\n",
    f"{NAME}-{VERSION}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n",
    f"{NAME}-{VERSION}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{NAME}-{VERSION}.dist-info/entry_points.txt": f"[console_scripts]\n{NAME} = {NAME}:main\n",
}

with tempfile.TemporaryDirectory() as folder:
    settings = {"HOME": folder, "UV_CACHE_DIR": f"{folder}/cache", "UV_OFFLINE": "1", "UV_NO_CONFIG": "1"}
    settings.update(
        UV_PYTHON_DOWNLOADS="never", UV_TOOL_DIR=f"{folder}/tools", UV_FIND_LINKS=folder, UV_NO_INDEX="1"
    )

    def run(*command, cwd=folder):
        environment = {**os.environ, **settings}
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.decode()}"
        return done.stdout.decode().strip()

    wheel = Path(folder, f"{NAME}-{VERSION}-py3-none-any.whl")
    with zipfile.ZipFile(str(wheel), "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
        archive.writestr(f"{NAME}-{VERSION}.dist-info/RECORD", "".join(f"{name},,\n" for name in FILES))

    own = Path(folder, "own")
    run("uv", "venv", "--python", sys.executable, str(own))
    run("uv", "pip", "install", "--python", str(own), f"{NAME}>=6,<7")
    assert run(str(own / "bin" / "python"), "-c", f"import {NAME}; print({NAME}.answer())") == "42"
    assert json.loads(run("uv", "pip", "list", "--python", str(own), "--format=json")) == [
        {"name": NAME, "version": VERSION}
    ]

    project = Path(folder, "project")
    project.mkdir()
    project.joinpath("pyproject.toml").write_text(
        f'[project]\nname = "project"\nversion = "1"\nrequires-python = ">=3.8"\ndependencies = ["{NAME}"]\n'
    )
    assert run("uv", "run", "--python", sys.executable, NAME, cwd=str(project)) == "42"
    assert f'name = "{NAME}"' in project.joinpath("uv.lock").read_text()

    assert run("uvx", "--python", sys.executable, NAME) == "42"
    print(run("uv", "--version"))
