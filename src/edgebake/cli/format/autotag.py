"""What `edgebake autotag` prints about the candidates."""

from __future__ import annotations

from collections.abc import Iterator

from edgebake.host.autotag import Answer
from edgebake.host.candidate import Judged
from edgebake.host.fit import Reason
from edgebake.model.output import machine as published


def text(answer: Answer) -> str:
    """Return the candidates, the best first, each with the result of every rule and the rule's source."""
    candidates = [line for number, judged in enumerate(answer.judged, 1) for line in _lines(number, judged)]
    return "\n".join([*(f"note: {note}" for note in answer.notes), *candidates])


def data(answer: Answer) -> published.Autotag:
    """Return what `--json` prints."""
    reference = answer.best.reference if answer.best else None
    candidates = [_candidate(judged) for judged in answer.judged]
    return published.Autotag(version=1, reference=reference, candidates=candidates, notes=answer.notes)


def _lines(number: int, judged: Judged) -> Iterator[str]:
    candidate, verdict = judged.candidate, judged.verdict
    result = f"fits, {verdict.grade}" if verdict.fits else "does not fit"
    where = "here" if candidate.local else "registry"
    known_by = candidate.built.source or "nothing"
    yield f"{number}. {candidate.reference} ({where}): {result}; known by {known_by}"
    yield from (_reason_line(reason) for reason in verdict.reasons)


def _reason_line(reason: Reason) -> str:
    source = f"  [{reason.source}]" if reason.source else ""
    return f"   {'✓' if reason.ok else '✗'} {reason.rule}: {reason.text}{source}"


def _candidate(judged: Judged) -> published.Candidate:
    candidate, verdict = judged.candidate, judged.verdict
    return published.Candidate.of(
        candidate,
        fits=verdict.fits,
        grade=verdict.grade if verdict.fits else None,
        uses_gpu=verdict.uses_gpu,
        created=candidate.created or None,
        known_by=candidate.built.source or None,
        target=candidate.built.target,
        platforms=candidate.built.platforms,
        reasons=[published.FitReason.of(reason, source=reason.source or None) for reason in verdict.reasons],
    )
