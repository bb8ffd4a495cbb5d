"""Runs the command line in a process of its own that need not load edgebake: forked from one that has loaded all of it.

A thousand calls then take as long as a hundred would by `python -m edgebake`. It is the same `run()`.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

_LOADED = (
    "edgebake.pipeline",
    "edgebake.bench.images",
    "edgebake.ci.github",
    "edgebake.cli.main",
    "edgebake.execute.executor",
    "edgebake.inspect.show_catalogue",
    "edgebake.host.autotag",
    "edgebake.host.launch",
    "edgebake.lint.run",
    "edgebake.lock.locker",
    "edgebake.model.schema",
    "edgebake.registry.client",
    "edgebake.testing.images",
    "python_on_whales",
    "integration.forked",
)
TIMEOUT = 120  # seconds


@dataclass(frozen=True)
class Done:
    """What a command gave. A negative code: the signal that ended it."""

    returncode: int
    stdout: str
    stderr: str


def forked(
    folder: Path, arguments: list[str], environment: dict[str, str], *, out: str = "", most_bytes: int | None = None
) -> Done:
    """Run a command line.

    Args:
        folder: where.
        arguments: what stands behind `edgebake`.
        environment: all of it.
        out: a file that stdout is written to, instead of being returned; "-" for a pipe that nobody reads.
        most_bytes: the greatest size that a file may have.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_LOADED))
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    (out_read, out_write), (err_read, err_write) = pipes
    process = context.Process(
        target=_child, args=(folder, arguments, environment, out_write, err_write, out, most_bytes)
    )
    if out == "-":
        out_read.close()
    process.start()
    out_write.close()
    err_write.close()
    texts = ["" if out == "-" else _all_of(out_read), _all_of(err_read)]
    process.join(TIMEOUT)
    code = process.exitcode
    if code is None:
        process.kill()
        raise AssertionError(f"it does not end: {arguments}")
    return Done(code, *texts)


def _all_of(connection: Connection) -> str:
    parts = []
    while part := os.read(connection.fileno(), 65536):
        parts.append(part)
    connection.close()
    return b"".join(parts).decode()


def _child(
    folder: Path,
    arguments: list[str],
    environment: dict[str, str],
    out: Connection,
    err: Connection,
    file: str,
    most_bytes: int | None,
) -> None:
    os.dup2(os.open(file, os.O_WRONLY) if file not in ("", "-") else out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    out.close()
    err.close()
    # The old ones remember what kind of file the server's were.
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    if most_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    sys.argv = ["edgebake", *arguments]
    from edgebake.cli import run

    run()
