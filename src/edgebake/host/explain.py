"""Why an image was taken: as text, and as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgebake.host.autotag import Answer
from edgebake.host.candidate import Judged
from edgebake.host.fit import Reason


def as_lines(answer: Answer) -> Iterator[str]:
    """Yield the candidates, the best first, each with what every rule says and the rule's source."""
    for note in answer.notes:
        yield f"note: {note}"
    for number, one in enumerate(answer.judged, 1):
        candidate = one.candidate
        word = "fits" if one.verdict.fits else "does not fit"
        grade = f", {one.verdict.grade}" if one.verdict.fits else ""
        place = "here" if candidate.local else "registry"
        known = candidate.built.source or "nothing"
        yield f"{number}. {candidate.reference} ({place}): {word}{grade}; known by {known}"
        yield from (_line(reason) for reason in one.verdict.reasons)


def _line(reason: Reason) -> str:
    source = f"  [{reason.source}]" if reason.source else ""
    return f"   {'✓' if reason.ok else '✗'} {reason.rule}: {reason.text}{source}"


def as_data(answer: Answer) -> dict[str, Any]:
    """Return the same for JSON; `reference` is null if no image fits."""
    best = answer.best
    return {
        "version": 1,
        "reference": best.reference if best else None,
        "candidates": [_candidate(one) for one in answer.judged],
        "notes": list(answer.notes),
    }


def _candidate(one: Judged) -> dict[str, Any]:
    candidate, built = one.candidate, one.candidate.built
    return {
        "reference": candidate.reference,
        "local": candidate.local,
        "fits": one.verdict.fits,
        "grade": one.verdict.grade if one.verdict.fits else None,
        "uses_gpu": one.verdict.uses_gpu,
        "created": candidate.created,
        "known_by": built.source,
        "target": built.target,
        "platforms": list(built.platforms),
        "reasons": [
            {"rule": reason.rule, "ok": reason.ok, "text": reason.text, "source": reason.source}
            for reason in one.verdict.reasons
        ],
    }
