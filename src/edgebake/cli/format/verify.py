"""`edgebake verify`: what the registry has, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgebake.model.output.publishing import VerifiedReference, Verify


def text(references: Sequence[VerifiedReference]) -> str:
    """Return a block for each reference: its platforms, or what differs."""
    return "\n".join(line for reference in references for line in _lines(reference))


def data(references: Sequence[VerifiedReference]) -> Verify:
    """Return what `--json` prints."""
    return Verify(version=1, ok=not any(one.differences for one in references), references=list(references))


def _lines(reference: VerifiedReference) -> Iterator[str]:
    mark = "differs" if reference.differences else "ok"
    yield f"{mark:<8} {reference.reference}{f'@{reference.digest}' if reference.digest else ''}"
    if not reference.differences:
        yield from (f"         {platform:<12} {digest}" for platform, digest in reference.platforms.items())
    for difference in reference.differences:
        where = f"{difference.platform}: " if difference.platform else ""
        yield f"         {where}{difference.kind}: {difference.text}"
