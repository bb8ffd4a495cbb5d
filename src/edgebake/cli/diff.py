"""`edgebake diff`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.options import JsonOutput, Targets
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    from edgebake.diff.images import Difference
    from edgebake.diff.locks import LockDifference


@dataclass(frozen=True)
class DiffOptions:
    """What is compared.

    Attributes:
        words: commits or lock files; with `pair`, images or recipes.
        pair: two targets.
        images: only these images, or patterns.
        targets: only these targets, or patterns.

    Raises:
        EdgebakeError: these cannot be compared, or locks are to be narrowed.
    """

    words: tuple[str, ...] = ()
    pair: tuple[str, str] | None = None
    images: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        from edgebake.diff.sides import kind_of
        from edgebake.errors import EdgebakeError

        if self.pair is not None:
            if self.targets:
                raise EdgebakeError("--target and --targets cannot be combined")
            return
        if len(self.words) > 2:
            raise EdgebakeError(f"{len(self.words)} arguments cannot be compared", hints=("name one or two",))
        if len({kind_of(word) for word in self.words}) > 1:
            raise EdgebakeError(
                "a commit and a lock file cannot be compared",
                hints=("REF:edgebake.lock is the lock file of a commit",),
            )
        if self.are_locks and (self.images or self.targets):
            raise EdgebakeError("--image and --target cannot be combined with lock files")

    @property
    def are_locks(self) -> bool:
        """Whether lock files are compared."""
        from edgebake.diff.sides import kind_of

        return self.pair is None and any(kind_of(word) == "lock" for word in self.words)


Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[REF|LOCK]...",
        help="One or two git commits, or lock files (FILE or REF:FILE); with --targets, images or recipes.",
        show_default=False,
        autocompletion=complete.compared,
    ),
]
Pair = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--targets",
        metavar="A B",
        help="Compare images on two targets.",
        show_default=False,
        autocompletion=complete.targets,
    ),
]
OnlyImages = Annotated[
    list[str] | None,
    typer.Option(
        "--image",
        "-i",
        metavar="IMAGE",
        help="Only this image, or pattern of images; repeatable.",
        autocompletion=complete.images,
    ),
]
Check = Annotated[bool, typer.Option("--check", help="Exit with 3 if anything differs.")]


def diff(
    words: Words = None,
    targets: Pair = None,
    image: OnlyImages = None,
    target: Targets = None,
    check: Check = False,
    json_output: JsonOutput = False,
) -> None:
    """Show what differs between two commits, targets or lock files, and what is rebuilt because of it.

    One commit is compared with the working tree, one lock file with the project's. Without arguments, HEAD is
    compared with the working tree. Nothing is built or written, and no network is used; the working tree stays as
    it is.

    Example: edgebake diff v1.2 v1.3 --image detector

    Example: edgebake diff detector --targets cuda-12.8 jetpack-6.2

    Example: edgebake diff HEAD~1:edgebake.lock edgebake.lock
    """
    from edgebake.cli.console import print_json, print_text
    from edgebake.cli.format.diff import data, text
    from edgebake.errors import EXIT_CHECK

    pair = None if targets else _two_targets(words or [], target or [])
    only = () if pair else tuple(target or ())
    options = DiffOptions(tuple(words or ()), targets or pair, tuple(image or ()), only)
    with Waiting("comparing"):
        difference = _compare(options)
    if json_output:
        print_json(data(difference))
    else:
        print_text(*text(difference))
    if check and difference.differs:
        raise typer.Exit(EXIT_CHECK)


def _two_targets(words: list[str], targets: list[str]) -> tuple[str, str] | None:
    """Return two targets if nothing else is named: then they can only be meant to be compared."""
    alone = not words and len(targets) == 2 and not any(mark in name for name in targets for mark in "*?[")
    return (targets[0], targets[1]) if alone else None


def _compare(options: DiffOptions) -> Difference | LockDifference:
    from edgebake.diff.sides import diff_commits, diff_locks, diff_targets, only

    if options.pair is not None:
        difference = diff_targets(Path.cwd(), options.words, *options.pair)
        return only(difference, options.images, ())
    if options.are_locks:
        return diff_locks(Path.cwd(), options.words)
    return only(diff_commits(Path.cwd(), options.words or ("HEAD",)), options.images, options.targets)
