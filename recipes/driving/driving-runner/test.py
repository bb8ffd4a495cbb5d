"""Runs a trivial model through the entry point: results, mistakes, a timeout with workers, and a signal."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = "/usr/local/bin/driving-infer"
MODEL = """\
import pathlib, sys
config, checkpoint, output, *factors = sys.argv[1:]
scope = {}
exec(pathlib.Path(config).read_text(), scope)
weights = [int(word) for word in pathlib.Path(checkpoint).read_text().split()]
factor = int(factors[0]) if factors else 1
pathlib.Path(output).write_text(str(factor * scope["model"]["scale"] * sum(weights)))
"""
# A worker in the same group that ends at no signal but SIGKILL, as one that hangs in a driver.
STUBBORN = """\
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
worker = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", worker], stdout=subprocess.PIPE)
child.stdout.readline()
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
if "end" not in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    time.sleep(600)
"""


def run(*given, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DRIVING_")}
    process = subprocess.Popen(
        [COMMAND, *map(str, given)],
        env={**clean, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    shown, told = process.communicate(timeout=60)
    return process.returncode, shown, told


def alive(pid):
    """Return whether a process runs; one that only waits to be fetched does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pid):
    end = time.monotonic() + 10
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pid)


def model_runs(folder, environment):
    config, weights, output = folder / "c.py", folder / "w.pth", folder / "out.txt"
    given = ["--checkpoint", weights, "--output", output]
    assert run(*given, DRIVING_CONFIG=str(config), **environment) == (0, "", "")
    assert output.read_text() == "42"  # 3 * (1 + 13), by the default configuration
    assert run(*given, "--config", folder / "child.py", "--", "2", **environment) == (0, "", "")
    assert output.read_text() == "140"
    code, shown, _ = run(*given, "--config", config, "--dry-run", "--", "a b", **environment)
    assert code == 0
    assert shown.endswith(f"{config} {weights} {output} 'a b'\n")


def configurations(folder):
    good = folder / "child.py"
    before = sorted(folder.iterdir())
    assert run("--check-config", good, DRIVING_CONFIG_KEYS="model data") == (
        0,
        f"{good} is sound (its syntax and keys; there is no mmcv)\n",
        "",
    )
    assert sorted(folder.iterdir()) == before
    for name, text, told in [
        ("keys.py", "data = 1\n", "{0}: it has no model"),
        ("syntax.py", "model = (\n", "{0}:"),
        (
            "base.py",
            "_base_ = './none.py'\n",
            "{1}/none.py: there is no such file; is it mounted?\n  {0} builds upon it",
        ),
        ("loop.py", "_base_ = ['./loop.py']\n", "{0}: it builds upon itself\n  {0} builds upon it"),
        ("odd.py", "_base_ = some()\n", "{0}:1: _base_ is neither a text nor a list of texts"),
        ("config.yaml", "model: 1\n", "{0}: a configuration is a Python file (.py)"),
    ]:
        path = folder / name
        path.write_text(text)
        code, _, error = run("--check-config", path)
        assert code == 2, (name, code)
        assert error.startswith("driving-infer: " + told.format(path, folder)), error


def configurations_that_run(folder):
    """A stand-in for mmcv runs them, as it does."""
    (folder / "stand-in").mkdir()
    (folder / "stand-in" / "mmcv.py").write_text(
        "class Config:\n    @staticmethod\n    def fromfile(path, import_custom_modules):\n"
        "        scope = {}\n        exec(open(path).read(), scope)\n        return scope\n"
    )
    there = {"PYTHONPATH": str(folder / "stand-in")}
    path = folder / "program.py"
    path.write_text("model = dict()\n")
    assert run("--check-config", path, **there) == (0, f"{path} is sound (read by mmcv)\n", "")
    path.write_text("import sys\nmodel = dict()\nsys.exit(0)\n")
    code, _, error = run("--check-config", path, **there)
    assert (code, error) == (2, f"driving-infer: {path}: mmcv cannot read it: SystemExit: 0\n")
    path.write_text("model = dict()\nwhile True:\n    pass\n")
    code, _, error = run("--check-config", path, "--timeout", "2", **there)
    assert (code, error) == (124, "driving-infer: the configuration was not read within 2 seconds\n")


def mistakes(folder, environment):
    config, weights, output = folder / "c.py", folder / "w.pth", folder / "other.txt"
    given = ["--config", config, "--checkpoint", weights]
    assert run("--unknown")[0] == 2
    assert run(*given, "--timeout", "0", **environment)[0] == 2
    for more, changed, told in [
        ([], {}, "DRIVING_COMMAND needs --output"),
        (["--output", "/none/x"], {}, "/none/x: nothing can be written to /none"),
        (["--checkpoint", folder / "none.pth"], {}, "this checkpoint cannot be read"),
        (["--output", output], {"DRIVING_COMMAND": ""}, "DRIVING_COMMAND is empty"),
        (["--output", output], {"DRIVING_COMMAND": "true {outptu}"}, "the unknown place {outptu}"),
        (["--output", output], {"DRIVING_COMMAND": "true"}, "has no place for it"),
        ([], {"DRIVING_COMMAND": "no-such-program"}, "no-such-program cannot be started"),
    ]:
        code, _, error = run(*given, *more, **{**environment, **changed})
        assert code == 2, (more, code, error)
        assert told in error, error
    code, _, error = run(*given, DRIVING_COMMAND="false")
    assert (code, error) == (4, "driving-infer: the inference failed: false ended with 1\n")
    for _ in range(2):  # the second time there is a result of an earlier run
        code, _, error = run(*given, "--output", output, DRIVING_COMMAND="true {output}")
        assert code == 4, error
        assert error == f"driving-infer: the inference failed: it ended well, and has not written {output}\n"
        output.write_text("old")


def no_gpu(folder):
    code, _, error = run(
        "--config", folder / "c.py", "--checkpoint", folder / "w.pth", DRIVING_COMMAND="true", DRIVING_GPU="1"
    )
    seen = sorted(Path("/dev").glob("nvidia[0-9]*")) or sorted(Path("/dev").glob("nvhost-gpu"))
    assert code == 3 or (seen and code == 0), (code, error)


def the_group_is_ended(folder):
    given = ["--config", folder / "c.py", "--checkpoint", folder / "w.pth"]
    pid = folder / "pid"
    command = f"{sys.executable} {folder}/stubborn.py {pid}"
    code, _, error = run(*given, "--timeout", "2.5", DRIVING_COMMAND=command)
    assert (code, error) == (124, "driving-infer: the inference was stopped after 2.5 seconds\n")
    assert gone(int(pid.read_text()))
    pid.unlink()
    assert run(*given, DRIVING_COMMAND=command + " end")[0] == 0  # it ends well, and leaves a worker
    assert gone(int(pid.read_text()))
    pid.unlink()
    running = subprocess.Popen([COMMAND, *map(str, given)], env={**os.environ, "DRIVING_COMMAND": command})
    while not (pid.exists() and pid.read_text()):
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 143
    assert gone(int(pid.read_text()))


with tempfile.TemporaryDirectory() as name:
    root = Path(name).resolve()
    (root / "c.py").write_text("model = dict(scale=3)\ndata = dict()\n")
    (root / "child.py").write_text("_base_ = ['./c.py']\nmodel = dict(scale=5)\n")
    (root / "w.pth").write_text("1 13")
    (root / "model.py").write_text(MODEL)
    (root / "stubborn.py").write_text(STUBBORN)
    template = {"DRIVING_COMMAND": f"{sys.executable} {root}/model.py {{config}} {{checkpoint}} {{output}}"}
    model_runs(root, template)
    configurations(root)
    configurations_that_run(root)
    mistakes(root, template)
    no_gpu(root)
    the_group_is_ended(root)
print("results, mistakes, the timeout and signals are as documented")
