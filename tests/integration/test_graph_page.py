"""The page of a build graph in a real browser, and the picture: what is on it, and what can be done with it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from browser import Opened, eventually, needs_browser, started_browser
from edgebake.cli.format.reasons import change_text
from edgebake.inspect.graph_page import graph_page
from edgebake.plan.journal import Journal
from integration.projects import CATALOGUE, Project, compiled_recipe, make_project, recipe
from integration.test_explore_cli import EXAMPLE, run

pytestmark = needs_browser
HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script></script>'{{ 7*7 }}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started_browser() as found:
        yield found


def graph_project(folder: Path) -> Project:
    """app is compiled and copied into the image; numpy is fetched. A hostile name stands in a release."""
    net = compiled_recipe("net", requires=["numpy"])
    project = make_project(folder, catalogue=[*CATALOGUE, net])
    (project.builtin / "recipes/net/build.sh").write_text("make\n")
    return project.images(app=["net"], other=["numpy"])


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:
    """The page of a project that was built, and whose build script has changed since."""
    project = graph_project(tmp_path)
    project.built()
    took = {"eb-net-build linux/amd64": 120.0, "eb-net-build linux/arm64": 300.5, "eb-python linux/amd64": 2.0}
    Journal(project.root).add("times", run="one", targets={"cpu": took}, emulated=[], seconds=301.0, work=422.5)
    (project.builtin / "recipes/net/build.sh").write_text("make -j2\n")
    plan = project.plan()
    file = tmp_path / "graph.html"
    file.write_text(graph_page(plan, change_text), encoding="utf-8")
    found = Opened(browser, file)
    yield found
    assert found.close() == []


def node(page: Page, stage: str) -> str:
    """Return the selector of a stage's shape."""
    number = page.evaluate("stage => data.nodes.findIndex(n => n.stage === stage)", stage)
    assert number >= 0, stage
    return f'#scene [data-n="{number}"]'


def classes(page: Page, selector: str) -> set[str]:
    return set((page.get_attribute(selector, "class") or "").split())


def test_stages_are_marked_as_the_plan_marks_them(opened: Opened) -> None:
    page = opened.page
    assert page.title() == "Build graph: app, other"
    assert "s-changed" in classes(page, node(page, "eb-net-build"))
    assert "s-same" in classes(page, node(page, "eb-python"))
    assert page.text_content(f"{node(page, 'eb-net-build')} .mark") == "~"
    counts = page.locator("#details button[data-state] .seconds").all_text_contents()
    assert sum(map(int, counts)) == page.locator("#scene .node").count()


def test_the_critical_path_goes_by_measured_seconds_and_is_drawn(opened: Opened) -> None:
    page = opened.page
    assert "on-critical" in classes(page, node(page, "eb-net-build"))
    assert "5 min 1 s in " in page.inner_text("#details")
    stroke = f"getComputedStyle(document.querySelector('{node(page, 'eb-net-build')} rect')).stroke"
    shown = page.evaluate(stroke)
    page.click("#critical")
    assert eventually(lambda: page.evaluate(stroke) != shown)
    assert page.get_attribute("#critical", "aria-pressed") == "false"
    page.keyboard.press("c")
    assert eventually(lambda: page.evaluate(stroke) == shown)
    assert page.locator("#scene .edge.on-critical").count() == len(page.evaluate("data.panels[0].critical")) - 1


def test_a_stage_that_is_clicked_tells_its_details(opened: Opened) -> None:
    page = opened.page
    page.click(node(page, "eb-net-build"))
    told = page.inner_text("#details")
    assert told.startswith("net")
    assert "changed: file" in told
    assert "build.sh" in told
    assert "In the images (1)".upper() in told.upper()
    assert "near" in classes(page, node(page, "eb-net"))
    assert "near" not in classes(page, node(page, "other"))
    page.click("#details button[data-go] >> nth=0")  # what it is made from
    assert "selected" not in classes(page, node(page, "eb-net-build"))
    assert page.locator("#scene .selected").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("#scene .selected").count() == 0


def test_a_stage_can_be_chosen_from_the_keyboard(opened: Opened) -> None:
    page = opened.page
    page.focus(node(page, "eb-python"))
    page.keyboard.press("Enter")
    assert page.inner_text("#details h2").startswith("python")


def test_search_marks_what_it_finds_and_goes_through_it(opened: Opened) -> None:
    page = opened.page
    page.keyboard.press("/")
    page.keyboard.type("net build")
    hits = page.evaluate("[...document.querySelectorAll('.hit')].map(s => data.nodes[s.dataset.n].stage)")
    assert "eb-net-build" in hits
    assert all("net" in stage for stage in hits)
    assert page.inner_text("#found") == f"{len(hits)} found"
    page.keyboard.press("Enter")
    assert page.locator("#scene .selected.hit").count() == 1
    assert page.inner_text("#found") == f"1 of {len(hits)}"
    page.fill("#search", "no such stage")
    assert page.inner_text("#found") == "none"
    page.keyboard.press("Escape")
    assert page.locator("#scene.searching").count() == 0


def test_zoom_and_pan(opened: Opened) -> None:
    page = opened.page

    def zoom() -> float:
        return float(page.get_attribute("#canvas", "data-zoom") or 0)

    start, place = zoom(), page.get_attribute("#scene", "transform")
    page.click("#in")
    assert zoom() == pytest.approx(start * 1.3, rel=0.01)
    page.mouse.move(400, 400)
    page.mouse.wheel(0, -300)
    assert eventually(lambda: zoom() > start * 1.31)
    page.click("#fit")
    assert (zoom(), page.get_attribute("#scene", "transform")) == (start, place)
    page.mouse.move(30, 800)
    page.mouse.down()
    page.mouse.move(130, 850, steps=4)
    page.mouse.up()
    moved = page.get_attribute("#scene", "transform")
    assert moved != place
    assert zoom() == start
    assert page.locator("#scene .selected").count() == 0


def test_names_stay_text_whatever_they_are(browser: Browser, tmp_path: Path) -> None:
    folder = recipe(
        "evil",
        summary=HOSTILE,
        releases=[{"version": "1"}],
        install={"env": {"EVIL": HOSTILE}, "apt": ["xz-utils"]},
    )
    project = make_project(tmp_path, catalogue=[*CATALOGUE, folder]).images(app=["evil"])
    plan = project.plan()
    stage = next(n for n in plan.compilation.graph if n.recipe == "evil")
    object.__setattr__(stage, "title", HOSTILE)  # no recipe may be called so; another front end might let it
    file = tmp_path / "graph.html"
    file.write_text(graph_page(plan, change_text), encoding="utf-8")
    found = Opened(browser, file)
    found.page.click(node(found.page, "eb-evil"))
    assert found.page.inner_text("#details h2") == HOSTILE.partition(": ")[0]
    assert found.page.locator("img, script:not([type])").count() == 2  # the page's own programs
    assert found.close() == []


def test_a_page_cannot_run_or_load_what_is_not_its_own(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "graph.html"
    text = graph_page(graph_project(tmp_path).plan(), change_text)
    file.write_text(
        text.replace(
            "</main>", '</main><script>document.title = "broken into"</script><img src="http://127.0.0.1:9/x">'
        )
    )
    found = Opened(browser, file)
    assert found.page.title().startswith("Build graph: ")
    told = [fault for fault in found.close() if "Content Security Policy" in fault]
    assert len(told) == 2
    assert not [fault for fault in found.faults if fault not in told and not fault.startswith("request: ")]


def test_the_command_writes_what_the_files_ending_says(tmp_path: Path) -> None:
    for name, start in (
        ("g.html", "<!doctype html>"),
        ("g.svg", "<svg "),
        ("g.mmd", "flowchart"),
        ("g.dot", "digraph"),
        ("g.json", "{"),
    ):
        done = run(EXAMPLE, "graph", "detector", "-t", "cpu", "-o", str(tmp_path / name))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert (tmp_path / name).read_text().startswith(start)
    done = run(EXAMPLE, "graph", "detector", "-o", str(tmp_path / "g.txt"))
    assert (done.returncode, "names no format" in done.stderr) == (2, True)
    done = run(EXAMPLE, "graph", "--recipes", "--format", "html")
    assert (done.returncode, "shows stages, not recipes" in done.stderr) == (2, True)


@pytest.mark.parametrize("args", [["--format", "svg"], ["--format", "svg", "--recipes"], ["--format", "html"]])
def test_a_drawing_is_the_same_each_time(args: list[str]) -> None:
    first, second = (run(EXAMPLE, "graph", "detector", *args, seed=seed).stdout for seed in ("1", "2"))
    assert first == second
    if "svg" in args:
        ElementTree.fromstring(first)


def test_one_platforms_stages() -> None:
    done = run(EXAMPLE, "graph", "detector", "-t", "cpu", "--platform", "linux/arm64", "--format", "json")
    assert {tuple(node["platforms"]) for node in json.loads(done.stdout)["nodes"]} == {("linux/arm64",)}


def test_drawing_loads_neither_the_engines_library_nor_the_executor() -> None:
    code = (
        "import sys; from edgebake.cli.main import app; app()(['graph', 'detector', '-t', 'cpu', '--format', 'html'], standalone_mode=False); "
        "print([m for m in sys.modules if m.startswith(('python_on_whales', 'edgebake.execute.executor', 'urllib3'))], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=EXAMPLE, capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == "[]"
    assert re.search(r"<title>Build graph: detector</title>", done.stdout)
