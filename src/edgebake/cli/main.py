"""The command line. Commands are thin; what they need is imported when they run, so that `--help` is instant."""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from edgebake import __version__
from edgebake.cli.command import option
from edgebake.cli.console import print_error
from edgebake.cli.help import Command, Group
from edgebake.errors import EXIT_INTERRUPTED, EXIT_USER, EdgebakeError
from edgebake.model.files import NO_PYTHON

COMMANDS = {
    "Build": {
        "plan": "plan.plan",
        "compile": "compile.compile_command",
        "bake": "bake.bake",
        "test": "test.run_tests",
        "bench": "bench.bench",
        "builder": "builder.app",
    },
    "Publish": {"publish": "publish.publish", "verify": "verify.verify", "prune": "prune.prune"},
    "Understand": {"why": "why.why", "graph": "graph.graph", "diff": "diff.diff"},
    "On the board": {
        "detect": "detect.detect_command",
        "autotag": "autotag.autotag",
        "run": "launch.run_image",
        "doctor": "doctor.doctor",
    },
    "Catalogue": {"list": "listing.list_command", "show": "show.show", "compat": "compat.compat"},
    "Project": {
        "init": "init.init",
        "lint": "lint.lint_command",
        "lock": "lock.lock",
        "compose": "compose.compose",
        "ci": "ci.app",
        "schema": "schema.schema",
    },
}
"""The commands by group, as `--help` shows them, each with its module and function (`app`: a group)."""


def app(only: str = "") -> typer.Typer:
    """Return the command line with all commands, or with only one, so that no other is imported and built.

    Args:
        only: the command's name. All commands, if there is none of this name.
    """
    made = typer.Typer(
        name="edgebake",
        cls=Group,
        help="Compile recipes into Dockerfiles and a bake file for Jetson boards and GPU servers, and build them.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        epilog="Exit codes: 0 done; 1 a bug in edgebake; 2 a mistake in the project or the call; 3 a check failed.",
        callback=_options,
    )
    commands = [(name, place, title) for title, group in COMMANDS.items() for name, place in group.items()]
    for name, place, title in [one for one in commands if one[0] == only] or commands:
        module, _, attribute = place.partition(".")
        command = getattr(import_module(f"edgebake.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            for info in command.registered_commands:
                info.cls = Command
            made.add_typer(command, name=name, cls=Group, rich_help_panel=title)
        else:
            made.command(name, cls=Command, rich_help_panel=title)(command)
    return made


def _version(value: bool) -> None:
    if value:
        typer.echo(f"edgebake {__version__}")
        raise typer.Exit


_DIRECTORY = option("Work in this folder.", "--directory", "-C", file_okay=False)
_NO_PYTHON = option("Refuse recipes written in Python, which run code.", "--no-python", default=False)
_VERSION = option("Print the version.", "--version", default=False, callback=_version, is_eager=True)


def _options(directory: Path | None = _DIRECTORY, no_python: bool = _NO_PYTHON, version: bool = _VERSION) -> None:
    if no_python:
        os.environ[NO_PYTHON] = "1"
    if directory is None:
        return
    try:
        os.chdir(directory)
    except OSError as error:
        raise EdgebakeError(f"cannot work in {str(directory)!r}: {error.strerror}") from None


def main() -> None:
    """Run the command line; a user's mistake is one message on stderr and exit code 2."""
    if not _has_streams():
        sys.exit(EXIT_USER)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `edgebake plan | head` ends quietly, as other tools do
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal without → is no reason to fail
    code = _exit_code(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError as error:
        code = _output_failed(error)
    gc.freeze()  # nor does the interpreter collect once more before it ends
    sys.exit(code)


def _has_streams() -> bool:
    """Return whether there is an output; report it if not. What is closed leads nowhere from then on.

    Otherwise the next file that is opened would be the output of programs that this one starts.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (until the end)
    if sys.stdout is None:
        print_error("error: cannot write the output: it is closed")
    return sys.stdout is not None


def _exit_code(arguments: list[str]) -> int:
    """Run the command, report what the user did wrong, and return the exit code."""
    try:
        code = _run(arguments)
    except EdgebakeError as error:
        print_error(f"error: {error}")
        return EXIT_USER
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_INTERRUPTED
    except OSError as error:
        return _output_failed(error)
    except Exception as error:
        if not hasattr(error, "show") or not hasattr(error, "exit_code"):
            raise
        _report_wrong_call(error)
        return int(error.exit_code)
    if code == EXIT_INTERRUPTED:
        typer.echo("interrupted", err=True)
    return code if isinstance(code, int) else 0


def _run(arguments: list[str]) -> Any:
    """Run a command, and return its exit code."""
    called = app(arguments[0] if arguments else "")
    text = _help_of(called, arguments)
    if text is None:
        return called(standalone_mode=False, prog_name="edgebake")
    typer.echo(text)
    return 0


def _help_of(called: typer.Typer, arguments: list[str]) -> str | None:
    """Return a command's help, if `COMMAND --help` is all that was called; else None.

    Typer would first read the options of the whole command line, for which it loads pydantic: half of the time.
    """
    *path, last = arguments or [""]
    if last not in ("-h", "--help"):
        return None
    program = Path(sys.argv[0]).name
    name = "python -m edgebake" if program == "__main__.py" else program
    command, context = get_command(called), None
    for word in [*path, None]:
        context = command.context_class(command, parent=context, info_name=name, **command.context_settings)
        commands = getattr(command, "commands", {})
        if word is None:
            return command.get_help(context)
        if word not in commands:
            return None
        name, command = word, commands[word]
    return None


def _output_failed(error: OSError) -> int:
    """Return the exit code for output that could not be written; a reader that has gone is no failure."""
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (flushed at the very end)
    if error.errno == errno.EPIPE:
        return 0
    if error.errno != errno.ENOSPC:
        raise error
    typer.echo(f"error: cannot write the output: {error.strerror}", err=True)
    return EXIT_USER


def _report_wrong_call(error: Any) -> None:
    """Report a wrong option or command, in click's words and in the form of all other mistakes."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return
    message, _, suggestion = error.format_message().replace("Value error, ", "").partition(" Did you mean ")
    command = context.command_path if context else "edgebake"
    hint = f"did you mean {suggestion}" if suggestion else f"see: {command} --help"
    message = message[:1].lower() + message[1:].rstrip(".")
    print_error(f"error: {EdgebakeError(message, hints=(hint,))}")
