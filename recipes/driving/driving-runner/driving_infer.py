#!/usr/bin/env python3
"""Runs the inference of a driving model: checks the call, the configuration, the checkpoint and the GPU first.

    driving-infer --checkpoint /checkpoints/model.pth [--config FILE] [--input PATH] [--output FILE] [-- OPTION…]
    driving-infer --check-config FILE

The image says what is run: DRIVING_COMMAND is a command line, in which {config}, {checkpoint}, {input} and {output}
are replaced; what stands behind `--` is added to it. It is run without a shell, in a process group of its own.

Exit codes: 0 done; 2 wrong call, configuration or checkpoint; 3 no GPU; 4 the inference failed; 124 too slow;
128 and the signal's number if it was stopped (130, 143). Whatever the end, no process of the group is left.
"""

# Needs nothing but Python 3.6; therefore it names no types.

import argparse
import ast
import contextlib
import ctypes
import os
import shlex
import signal
import string
import subprocess
import sys
from pathlib import Path

EXIT_CALL, EXIT_NO_GPU, EXIT_FAILED, EXIT_TIMEOUT = 2, 3, 4, 124
STOPS = (signal.SIGTERM, signal.SIGINT)
GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""

PLACES = ("config", "checkpoint", "input", "output")
"""What can stand in DRIVING_COMMAND in braces."""


class CallError(Exception):
    """The call, the configuration or the checkpoint is wrong; the text says how."""


class TooSlowError(BaseException):
    """The time is over; no `except Exception` of a configuration takes it for its own."""


class StoppedError(Exception):
    """A signal asks to stop."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


# ── the configuration


def python_tree(path):
    """Return the syntax tree of a configuration, without running it."""
    if path.suffix != ".py":
        raise CallError(f"{path}: a configuration is a Python file (.py)")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CallError(f"{path}: there is no such file; is it mounted?") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CallError(f"{path}: cannot be read: {error}") from None
    try:
        return ast.parse(text, str(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise CallError(
            f"{path}{f':{line}' if line else ''}: this is not Python: {getattr(error, 'msg', error)}"
        ) from None


def assigned(statement):
    """Return the names that a statement of a configuration gives values to."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    else:
        targets = []
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def bases(path, tree):
    """Return the files that a configuration builds upon (`_base_`)."""
    for statement in tree.body:
        if "_base_" in assigned(statement):
            try:
                value = ast.literal_eval(statement.value)
            except ValueError:
                raise CallError(
                    f"{path}:{statement.lineno}: _base_ is neither a text nor a list of texts"
                ) from None
            names = [value] if isinstance(value, str) else value
            if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
                raise CallError(f"{path}:{statement.lineno}: _base_ is neither a text nor a list of texts")
            return [path.parent / name for name in names]
    return []


def keys_in(path, above=()):
    """Return the keys of a configuration and of what it builds upon, as its text has them."""
    path = Path(os.path.normpath(str(path)))
    if path in above:
        raise CallError(f"{path}: it builds upon itself")
    tree = python_tree(path)
    found = set()
    for statement in tree.body:
        found |= assigned(statement)
    for base in bases(path, tree):
        try:
            found |= keys_in(base, (*above, path))
        except CallError as error:
            raise CallError(f"{error}\n  {path} builds upon it") from None
    return found


def keys_of_mmcv(path):
    """Return the keys as mmcv reads them, which it does for the model, too; None if there is no mmcv."""
    try:
        from mmcv import Config
    except ImportError:
        return None
    try:
        return set(Config.fromfile(str(path), import_custom_modules=False))
    except (TooSlowError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a configuration is a program, and can fail in any way, or want to exit
        raise CallError(f"{path}: mmcv cannot read it: {type(error).__name__}: {error}") from None


@contextlib.contextmanager
def deadline(seconds):
    """Raise TooSlowError in what is done under it, once the time is over."""

    def over(number, frame):
        raise TooSlowError

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def check_config(path, required, seconds):
    """Check a configuration within some seconds; return how it was read."""
    with deadline(seconds):
        found = keys_in(path)
        read = keys_of_mmcv(path)
    missing = sorted(set(required) - (found if read is None else read))
    if missing:
        raise CallError(f"{path}: it has no {', '.join(missing)}")
    return "its syntax and keys; there is no mmcv" if read is None else "read by mmcv"


# ── the machine and the files


def gpus(library="libcuda.so.1"):
    """Return how many GPUs the driver sees."""
    try:
        cuda = ctypes.CDLL(library)
        count = ctypes.c_int(0)
        if cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0:
            return 0
    except (OSError, AttributeError):
        return 0
    return count.value


def check_checkpoint(path):
    """Check that there is a checkpoint that can be read."""
    if path is None:
        raise CallError("no checkpoint is given; mount one, and name it with --checkpoint or DRIVING_CHECKPOINT")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise CallError(f"{path}: this checkpoint cannot be read: {error.strerror}; is it mounted?") from None
    if empty:
        raise CallError(f"{path}: this checkpoint is empty")


def check_output(path):
    """Check that a result can be written there."""
    if path is not None and not (path.parent.is_dir() and os.access(str(path.parent), os.W_OK)):
        raise CallError(f"{path}: nothing can be written to {path.parent}")


# ── the command


def command_line(template, values, more):
    """Return the command's arguments, with the values in their places."""
    try:
        words = shlex.split(template)
        used = {name for word in words for _, name, _, _ in string.Formatter().parse(word) if name is not None}
        unknown = sorted(used - set(PLACES))
        if unknown:
            raise CallError(
                f"DRIVING_COMMAND has the unknown place {{{unknown[0]}}}; there are {', '.join(PLACES)}"
            )
        missing = sorted(name for name in used if values[name] is None)
        if missing:
            raise CallError(f"DRIVING_COMMAND needs --{missing[0]}")
        given = [word.format(**{name: str(value) for name, value in values.items()}) for word in words]
    except ValueError as error:
        raise CallError(f"DRIVING_COMMAND cannot be read: {error}") from None
    if not given:
        raise CallError("DRIVING_COMMAND is empty: this image does not say what to run")
    if values["output"] is not None and "output" not in used:
        raise CallError("--output is given, and DRIVING_COMMAND has no place for it")
    return given + more


def signal_group(group, number):
    """Send a signal to a process group; return whether there still is one."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def end_group(process):
    """End all processes of a command: SIGTERM, and what is still there after a while, SIGKILL."""
    signal_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    signal_group(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)  # one that hangs in a driver may never end


def ignore_signals():
    """Be asked to stop no more."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)


def unblock_signals():
    """Let signals through; a command would inherit that they wait."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def stop(number, _frame):
    """Leave what is under way, from within a signal; a second one changes nothing."""
    ignore_signals()
    raise StoppedError(number)


def run(command, folder, seconds):
    """Run a command to its end; return the exit code.

    Raises:
        StoppedError: a signal came; the command is ended.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # until it is known what to end
    for number in STOPS:
        signal.signal(number, stop)
    try:
        process = subprocess.Popen(
            command, cwd=folder, start_new_session=True, stdin=subprocess.DEVNULL, preexec_fn=unblock_signals
        )
    except OSError as error:
        raise CallError(f"{command[0]} cannot be started: {error.strerror}") from None
    try:
        unblock_signals()
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        complain(f"the inference was stopped after {seconds:g} seconds")
        return EXIT_TIMEOUT
    finally:
        ignore_signals()
        if process.returncode is None:
            end_group(process)
        else:
            signal_group(process.pid, signal.SIGKILL)  # workers that outlive it
    if code != 0:
        complain(f"the inference failed: {command[0]} ended with {code}")
        return EXIT_FAILED
    return 0


# ── the call


def complain(text):
    """Tell what is wrong."""
    print(f"driving-infer: {text}", file=sys.stderr, flush=True)


def positive(text):
    """Return seconds, from text."""
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError
    return seconds


def arguments(given, environment):
    """Return the command line, read; the environment has the image's defaults."""
    parser = argparse.ArgumentParser(
        prog="driving-infer", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument

    def default(name):
        return environment.get(name) or None

    add("--check-config", type=Path, metavar="FILE", help="only check this configuration, and write nothing")
    add(
        "--config", type=Path, default=default("DRIVING_CONFIG"), metavar="FILE", help="DRIVING_CONFIG: %(default)s"
    )
    add(
        "--checkpoint", type=Path, default=default("DRIVING_CHECKPOINT"), metavar="FILE",
        help="DRIVING_CHECKPOINT: %(default)s",
    )  # fmt: skip
    add("--input", type=Path, metavar="PATH", help="what to look at, where the model's command has a place for it")
    add("--output", type=Path, metavar="FILE", help="where the result goes")
    add(
        "--timeout", type=positive, default=default("DRIVING_TIMEOUT") or "3600", metavar="SECONDS",
        help="DRIVING_TIMEOUT: %(default)s",
    )  # fmt: skip
    add("--dry-run", action="store_true", help="check all but the GPU, and print the command")
    given, more = (given[: given.index("--")], given[given.index("--") + 1 :]) if "--" in given else (given, [])
    return parser.parse_args(given), more


def infer(options, more, environment):
    """Check everything, then run the model; return the exit code."""
    if options.config is None:
        raise CallError("no configuration is given; name one with --config or DRIVING_CONFIG")
    check_config(options.config, required_keys(environment), options.timeout)
    check_checkpoint(options.checkpoint)
    if options.input is not None and not options.input.exists():
        raise CallError(f"{options.input}: there is no such input; is it mounted?")
    check_output(options.output)
    values = {name: getattr(options, name) for name in PLACES}
    values = {name: None if path is None else path.absolute() for name, path in values.items()}
    command = command_line(environment.get("DRIVING_COMMAND", ""), values, more)
    folder = environment.get("DRIVING_FOLDER") or "."
    if not Path(folder).is_dir():
        raise CallError(f"DRIVING_FOLDER: {folder} is no folder")
    if options.dry_run:
        print(" ".join(shlex.quote(word) for word in command))
        return 0
    if environment.get("DRIVING_GPU", "0") not in ("", "0") and gpus() == 0:
        complain("there is no GPU to be seen; start the container with --gpus all")
        return EXIT_NO_GPU
    before = written(values["output"])
    code = run(command, folder, options.timeout)
    if code == 0 and values["output"] is not None and written(values["output"]) in (None, before):
        complain(f"the inference failed: it ended well, and has not written {values['output']}")
        return EXIT_FAILED
    return code


def written(path):
    """Return what changes when a file is written; None if there is none."""
    if path is None or not path.exists():
        return None
    state = path.stat()
    return state.st_ino, state.st_mtime_ns, state.st_size


def required_keys(environment):
    """Return the keys that the model's configurations must have."""
    return environment.get("DRIVING_CONFIG_KEYS", "model").replace(",", " ").split()


def main(given=None, environment=os.environ):
    """Run the command, and return its exit code."""
    sys.dont_write_bytecode = True
    options, more = arguments(sys.argv[1:] if given is None else given, environment)
    try:
        if options.check_config is not None:
            how = check_config(options.check_config, required_keys(environment), options.timeout)
            print(f"{options.check_config} is sound ({how})")
            return 0
        return infer(options, more, environment)
    except CallError as error:
        complain(str(error))
        return EXIT_CALL
    except TooSlowError:
        complain(f"the configuration was not read within {options.timeout:g} seconds")
        return EXIT_TIMEOUT
    except StoppedError as error:
        return 128 + error.number


if __name__ == "__main__":
    sys.exit(main())
