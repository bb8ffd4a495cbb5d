"""`edgebake diff`."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgebake.cli import complete
from edgebake.cli.command import Words, argument, command, command_options, flag, option
from edgebake.cli.console import Waiting, print_result
from edgebake.cli.options import JSON, TARGETS, refuse_together
from edgebake.errors import EXIT_CHECK, EdgebakeError

if TYPE_CHECKING:
    from edgebake.diff.images import Difference
    from edgebake.diff.locks import LockDifference


@command_options
class DiffOptions:
    """What is compared.

    Raises:
        EdgebakeError: these cannot be compared, or locks are to be narrowed.
    """

    words: Words = argument(
        "One or two git commits, or lock files (FILE or REF:FILE); with --targets, images or recipes.",
        metavar="[REF|LOCK]...",
        complete=complete.compared,
    )
    targets: tuple[str, str] | None = option(
        "Compare images on two targets.", metavar="A B", complete=complete.targets
    )
    image: Words = option(
        "Only this image, or pattern of images; repeatable.", "-i", metavar="IMAGE", complete=complete.images
    )
    target: Words = TARGETS
    check: bool = flag("Exit with 3 if anything differs.")
    json_output: bool = JSON

    def __post_init__(self) -> None:
        refuse_together(target=self.target, targets=self.targets)
        words = self.words or []
        if self.pair is not None:
            return
        if len(words) > 2:
            raise EdgebakeError(f"{len(words)} arguments cannot be compared", hints=("name one or two",))
        if any(self._are_locks) and not all(self._are_locks):
            raise EdgebakeError(
                "a commit and a lock file cannot be compared",
                hints=("REF:edgebake.lock is the lock file of a commit",),
            )
        if self.are_locks and (self.image or self.target):
            raise EdgebakeError("--image and --target cannot be combined with lock files")

    @property
    def pair(self) -> tuple[str, str] | None:
        """Two targets that are compared: those of --targets, or two --target and nothing else."""
        names = self.target or []
        alone = not self.words and len(names) == 2 and not any(mark in name for name in names for mark in "*?[")
        return (names[0], names[1]) if alone else self.targets

    @property
    def are_locks(self) -> bool:
        """Whether lock files are compared."""
        return self.pair is None and any(self._are_locks)

    @cached_property
    def _are_locks(self) -> list[bool]:
        from edgebake.diff.sides import kind_of

        return [kind_of(word) == "lock" for word in self.words or ()]


@command(DiffOptions)
def diff(options: DiffOptions) -> None:
    """Show what differs between two commits, targets or lock files, and what is rebuilt because of it.

    One commit is compared with the working tree, one lock file with the project's. Without arguments, HEAD is
    compared with the working tree. Nothing is built or written, and no network is used; the working tree stays as
    it is.

    Example: edgebake diff v1.2 v1.3 --image detector

    Example: edgebake diff detector --targets cuda-12.8 jetpack-6.2

    Example: edgebake diff HEAD~1:edgebake.lock edgebake.lock
    """
    from edgebake.cli.format.diff import data, text

    with Waiting("comparing"):
        difference = _compare(options)
    print_result(as_json=options.json_output, data=lambda: data(difference), text=lambda: text(difference))
    if options.check and difference.differs:
        raise typer.Exit(EXIT_CHECK)


def _compare(options: DiffOptions) -> Difference | LockDifference:
    from edgebake.diff.sides import diff_commits, diff_locks, diff_targets, only

    words, images = tuple(options.words or ()), tuple(options.image or ())
    if options.pair is not None:
        return only(diff_targets(Path.cwd(), words, *options.pair), images, ())
    if options.are_locks:
        return diff_locks(Path.cwd(), words)
    return only(diff_commits(Path.cwd(), words or ("HEAD",)), images, tuple(options.target or ()))
