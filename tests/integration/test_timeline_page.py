"""The page of a timeline in a real browser: bars, critical path, zoom, search, details; and names stay text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from browser import Opened, eventually, needs_browser, started_browser
from edgebake.execute.modes import Modes
from edgebake.execute.recording import Ran, Recording
from edgebake.inspect.timeline import timeline_page
from watching import AMD64, ARM64, ZERO, told, vertex

pytestmark = needs_browser
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'{{ 7*7 }}"
STEPS = (
    vertex("d", "[internal] load build definition from Dockerfile", 0, 1),
    vertex("c", f"[{AMD64} eb-c 1/1] RUN cached", 1, 1, cached=True),
    vertex("x", f"[{AMD64} eb-x 1/1] RUN --mount=type=cache,target=/x make x", 1, 15, ["c"]),
    vertex("y", f"[{ARM64} eb-y 1/1] RUN make y", 1, 45, ["c"]),
    vertex("z", f"[{ARM64} app 1/1] COPY z", 45, 50, ["y"]),
    vertex("f", f"[{AMD64} eb-f 1/1] RUN {HOSTILE}", 15, 50, ["x"], error=f"exit code: 3 {HOSTILE}"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started_browser() as found:
        yield found


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:
    recording = Recording()
    recording.invocations += [
        Ran((HOSTILE,), (AMD64, ARM64), 1, told(*STEPS, names=(HOSTILE,)), ZERO, ZERO + 52, "failed"),
        Ran(
            (HOSTILE,),
            (AMD64, ARM64),
            2,
            told(vertex("f", f"[{AMD64} eb-f 1/1] RUN again", 55, 60), names=(HOSTILE,)),
            ZERO + 54,
            ZERO + 61,
            "done",
        ),
    ]
    file = tmp_path / "timeline.html"
    modes = Modes({AMD64: "native", ARM64: "emulated"})
    file.write_text(timeline_page(tmp_path, recording, modes, "failed"), encoding="utf-8")
    found = Opened(browser, file)
    yield found
    assert found.close() == []


def bar(opened: Opened, text: str) -> str:
    """Return the selector of a step's bar."""
    number = opened.page.evaluate("text => data.steps.findIndex(s => s.text.startsWith(text))", text)
    assert number >= 0, text
    return f'.bar[data-n="{number}"]'


def classes(opened: Opened, selector: str) -> set[str]:
    return set((opened.page.get_attribute(selector, "class") or "").split())


def test_names_stay_text(opened: Opened) -> None:
    assert HOSTILE in opened.page.title()
    opened.page.click(bar(opened, "RUN </script>"))
    assert HOSTILE in opened.page.inner_text("#details")
    assert opened.page.locator("img, script:not([type])").count() == 2  # the page's own programs


def test_bars_say_what_was_cached_emulated_or_failed(opened: Opened) -> None:
    assert "emulated" in classes(opened, bar(opened, "RUN make y"))
    assert "native" in classes(opened, bar(opened, "RUN --mount"))
    assert "cached" in classes(opened, bar(opened, "RUN cached"))
    assert "failed" in classes(opened, bar(opened, "RUN </script>"))
    rows = [text.split() for text in opened.page.locator(".lane .label").all_inner_texts()]
    assert [row[-6:-4] for row in rows[:2]] == [["native", AMD64], ["emulated", ARM64]]
    lengths = [
        opened.page.locator(f"{bar(opened, text)} rect").bounding_box() for text in ("RUN make y", "RUN --mount")
    ]
    assert lengths[0] is not None
    assert lengths[1] is not None
    assert lengths[0]["width"] / lengths[1]["width"] == pytest.approx(44 / 14, rel=0.05)


def test_the_figures(opened: Opened) -> None:
    figures = opened.page.inner_text("#figures")
    assert re.search(r"1 min 1 s\s+from begin to end", figures)
    assert re.search(r"1 of 7\s+steps cached", figures)
    assert "of the work emulated" in figures


def test_the_critical_path_is_drawn_and_can_be_hidden(opened: Opened) -> None:
    page = opened.page
    first = bar(opened, "RUN make y")
    listed = page.locator("#details ul").first.locator("button").count()
    assert listed == len(
        [n for n in page.evaluate("data.critical") if page.evaluate(f"data.steps[{n}].state") != "cached"]
    )
    stroke = f"getComputedStyle(document.querySelector('{bar(opened, 'RUN again')} rect')).strokeWidth"
    assert page.evaluate(stroke) == "2.5px"
    page.keyboard.press("c")
    assert page.evaluate(stroke) != "2.5px"
    assert "on-critical" in classes(opened, first) or "on-critical" in classes(opened, bar(opened, "RUN </script>"))


def test_search_zoom_and_details(opened: Opened) -> None:
    page = opened.page

    def span() -> float:
        return float(page.get_attribute("#chart", "data-span") or 0)

    page.keyboard.press("/")
    page.keyboard.type("make eb-y")
    assert page.inner_text("#found") == "1 found"
    page.keyboard.press("Enter")
    assert page.inner_text("#details h2") == "eb-y"
    assert "under QEMU" in page.inner_text("#details")
    assert "selected" in classes(opened, bar(opened, "RUN make y"))
    assert "near" in classes(opened, bar(opened, "COPY z"))
    assert "near" not in classes(opened, bar(opened, "RUN --mount"))
    page.keyboard.press("Escape")
    start = span()
    page.click("#in")
    assert span() == pytest.approx(start / 1.5, rel=0.02)
    page.mouse.move(700, 400)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    assert eventually(lambda: span() < start / 2)
    page.click("#fit")
    assert span() == pytest.approx(start, rel=0.02)


def test_a_step_is_told_under_the_pointer(opened: Opened) -> None:
    opened.page.hover(bar(opened, "RUN make y"))
    assert eventually(lambda: opened.page.is_visible("#tip"))
    assert "44 s · done · emulated" in opened.page.inner_text("#tip")


def test_a_bake_that_built_nothing_has_a_page_too(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "timeline.html"
    file.write_text(timeline_page(tmp_path, Recording(), Modes(), "done"), encoding="utf-8")
    found = Opened(browser, file)
    assert "Nothing ran." in found.page.inner_text("#details")
    assert found.close() == []
