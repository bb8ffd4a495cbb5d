"""Notes, as they are told."""

from edgebake.graph.notes import Note, summarised


def test_many_equal_notes_are_one_line() -> None:
    notes = [Note("cpu", f"app{number}", "not pinned", "python") for number in range(6)] + [
        Note("cpu", "", "no digest", "base")
    ]
    assert summarised(notes) == [
        "app0 on cpu, app1 on cpu, app2 on cpu and 3 more: not pinned",
        "cpu: no digest",
    ]


def test_a_few_are_told_one_by_one() -> None:
    notes = [
        Note("cpu", "a", "not pinned", "python"),
        Note("gpu", "a", "not pinned", "python"),
        Note("gpu", "b", "not pinned", "python"),
    ]
    assert summarised(notes) == ["a on cpu: not pinned", "a on gpu: not pinned", "b on gpu: not pinned"]
