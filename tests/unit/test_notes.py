"""Notes, as they are told."""

from edgebake.graph.notes import Note, summarised


def test_many_equal_notes_are_one_line() -> None:
    notes = [Note("python", "cpu", f"app{number}", "not pinned") for number in range(6)] + [
        Note("base", "cpu", "", "no digest")
    ]
    assert summarised(notes) == [
        "app0 on cpu, app1 on cpu, app2 on cpu and 3 more: not pinned",
        "cpu: no digest",
    ]


def test_a_few_are_told_one_by_one() -> None:
    notes = [
        Note("python", target, image, "not pinned") for target, image in (("cpu", "a"), ("gpu", "a"), ("gpu", "b"))
    ]
    assert summarised(notes) == ["a on cpu: not pinned", "a on gpu: not pinned", "b on gpu: not pinned"]
