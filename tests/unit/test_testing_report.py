"""Reports of tests."""

from __future__ import annotations

from xml.etree import ElementTree

from edgebake.cli.format.test import data, junit, text
from edgebake.model.output import build


def result(name: str, outcome: build.TestOutcome, seconds: float = 1.0, output: str = "") -> build.TestResult:
    return build.TestResult(recipe=name, title=f"{name} 1.0", outcome=outcome, seconds=seconds, output=output)


def suite_of(*tests: build.TestResult) -> build.Suite:
    return build.Suite(
        image="app",
        target="cpu",
        platform="linux/arm64",
        reference="localhost:5000/app:dev-cpu",
        tests=list(tests),
    )


SUITE = suite_of(
    result("numpy", "passed", 0.5, "numpy: 2.4"),
    result("scipy", "failed", 2.25, "Traceback\nAssertionError: 3 \x1b[31m& <4>"),
    result("slow", "timed out", 61.0, "it was still running after 60 s"),
    result("cuda", "skipped", 0.0, "it needs a GPU: --gpus all"),
)


def test_the_table_shows_what_failed_with_its_output_and_counts() -> None:
    assert text([SUITE]) == (
        "app on cpu (linux/arm64) · localhost:5000/app:dev-cpu\n"
        "  passed     numpy 1.0  0.5s\n"
        "  failed     scipy 1.0  2.2s\n"
        "      Traceback\n"
        "      AssertionError: 3 \x1b[31m& <4>\n"
        "  timed out  slow 1.0   61.0s\n"
        "      it was still running after 60 s\n"
        "  skipped    cuda 1.0   0.0s\n"
        "      it needs a GPU: --gpus all\n"
        "\n"
        "1 passed, 1 failed, 1 timed out, 1 skipped"
    )


def test_a_suite_without_tests_says_so() -> None:
    assert text([suite_of()]).endswith("\n\nno recipe has a test")


def test_junit_is_xml_whatever_a_test_wrote() -> None:
    root = ElementTree.fromstring(junit([SUITE]))
    (suite,) = root
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped", "time")} == {
        "tests": "4",
        "failures": "2",
        "skipped": "1",
        "time": "63.750",  # 0.5 + 2.25 + 61 + 0
    }
    found = {case.get("name"): [child.tag for child in case] for case in suite}
    assert found == {
        "numpy 1.0": ["system-out"],
        "scipy 1.0": ["failure"],
        "slow 1.0": ["failure"],
        "cuda 1.0": ["skipped"],
    }
    failure = suite.findall("testcase/failure")[0]
    assert failure.text == "Traceback\nAssertionError: 3 \ufffd[31m& <4>"
    assert failure.get("message") == "failed: AssertionError: 3 \ufffd[31m& <4>"


def test_data_has_every_result() -> None:
    (suite,) = data([SUITE]).suites
    assert [(test.recipe, test.outcome) for test in suite.tests] == [
        ("numpy", "passed"),
        ("scipy", "failed"),
        ("slow", "timed out"),
        ("cuda", "skipped"),
    ]


def test_only_what_passed_or_was_skipped_is_well() -> None:
    assert not SUITE.ok
    assert suite_of(SUITE.tests[0], SUITE.tests[3]).ok
