"""`edgebake diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.options import Targets
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    from edgebake.diff.images import Difference
    from edgebake.diff.locks import LockDifference


def diff(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[REF|LOCK]...",
            help="One or two git commits, or lock files (FILE or REF:FILE); with --targets, images or recipes.",
            show_default=False,
            autocompletion=complete.compared,
        ),
    ] = None,
    targets: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--targets",
            metavar="A B",
            help="Compare images on two targets.",
            show_default=False,
            autocompletion=complete.targets,
        ),
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option(
            "--image",
            "-i",
            metavar="IMAGE",
            help="Only this image, or pattern of images; repeatable.",
            autocompletion=complete.images,
        ),
    ] = None,
    target: Targets = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 if anything differs.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show what differs between two commits, two targets or two locks, and what is built again because of it.

    One commit is compared with the working tree, one lock with the project's; no word at all is HEAD. Nothing is
    built, written or asked of a network; a commit is read beside the working tree.

    Example: edgebake diff v1.2 v1.3 --image detector

    Example: edgebake diff detector --targets cuda-12.8 jetpack-6.2

    Example: edgebake diff HEAD~1:edgebake.lock edgebake.lock
    """
    from edgebake.errors import EXIT_CHECK, EdgebakeError

    words = words or []
    pair = (
        targets
        if targets is not None
        else (target[0], target[1])
        if target and _two_targets(words, target)
        else None
    )
    if pair is None and len(words) > 2:
        raise EdgebakeError(f"{len(words)} things cannot be compared", hints=("name one or two",))
    if pair is not None:
        with Waiting("comparing"):
            found = _of_targets(words, pair, image)
        differs = _tell(found, json_output)
    else:
        differs = _compare(words or ["HEAD"], image or [], target or [], json_output)
    if check and differs:
        raise typer.Exit(EXIT_CHECK)


def _two_targets(words: list[str], target: list[str]) -> tuple[str, str] | None:
    """Return two targets if they are all that is named: then nothing else can be meant than to compare them."""
    alone = not words and len(target) == 2 and not any(mark in name for name in target for mark in "*?[")
    return (target[0], target[1]) if alone else None


def _of_targets(words: list[str], pair: tuple[str, str], image: list[str] | None) -> Difference:
    from pathlib import Path

    from edgebake.diff.sides import diff_targets, only

    return only(diff_targets(Path.cwd(), words, *pair), image or [], [])


def _compare(words: list[str], image: list[str], target: list[str], json_output: bool) -> bool:
    """Print how commits or locks differ; tell whether they do."""
    from pathlib import Path

    from edgebake.diff.sides import diff_commits, diff_locks, kind_of, only
    from edgebake.errors import EdgebakeError
    from edgebake.load.workspace import find_root, open_workspace

    kinds = {kind_of(word) for word in words}
    if len(kinds) > 1:
        raise EdgebakeError(
            "a commit and a lock file cannot be compared", hints=("REF:edgebake.lock is a commit's",)
        )
    start = Path.cwd()
    if kinds == {"lock"}:
        if image or target:
            raise EdgebakeError("--image and --target are about images; two locks are compared as a whole")
        return _tell(diff_locks(start, words), json_output)
    root = find_root(start)
    if root is None:
        open_workspace(start)  # which says what is missing
    assert root is not None
    with Waiting("comparing"):
        differences = [only(found, image, target) for found in diff_commits(root, words)]
    differs = [_tell(found, json_output) for found in differences]  # each is told
    return any(differs)


def _tell(found: Difference | LockDifference, json_output: bool) -> bool:
    from edgebake.diff.images import Difference

    if json_output:
        import json

        from edgebake.diff.data import difference_as_data, lock_as_data

        data = difference_as_data(found) if isinstance(found, Difference) else lock_as_data(found)
        typer.echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        from edgebake.diff.text import difference_text, lock_text

        typer.echo(difference_text(found) if isinstance(found, Difference) else lock_text(found))
    if isinstance(found, Difference):
        return bool(found.changed)
    return bool(found.changed or found.bases or found.commits or found.refresh)
