"""`edgebake test`: the results of tests, for people, as JSON, and as JUnit XML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from edgebake.model.output.build import Suite, Test, TestOutcome, TestResult

_OUTCOMES: tuple[TestOutcome, ...] = ("passed", "failed", "timed out", "skipped")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold."""


def text(suites: Sequence[Suite]) -> str:
    """Return a block for each suite, with the output of what failed, and a last line that counts."""
    if not suites:
        return "no image is tested"
    counts = [f"{n} {name}" for name in _OUTCOMES if (n := sum(suite.count(name) for suite in suites))]
    blocks = ["\n".join(_lines(suite)) for suite in suites]
    return "\n\n".join([*blocks, ", ".join(counts) or "no recipe has a test"])


def data(suites: Sequence[Suite]) -> Test:
    """Return what `--json` prints."""
    return Test(version=1, suites=list(suites))


def _lines(suite: Suite) -> Iterator[str]:
    yield f"{_title(suite)} · {suite.reference}"
    width = max((len(test.title) for test in suite.tests), default=0)
    for test in suite.tests:
        yield f"  {test.outcome:<9}  {test.title:<{width}}  {test.seconds:.1f}s"
        if test.outcome != "passed":
            yield from (f"      {line}" for line in test.output.splitlines())


def _title(suite: Suite) -> str:
    return f"{suite.image} on {suite.target} ({suite.platform})"


# ── JUnit XML, which CI services read


def junit(suites: Sequence[Suite]) -> bytes:
    """Return the suites as JUnit XML."""
    root = ElementTree.Element("testsuites")
    for suite in suites:
        element = ElementTree.SubElement(
            root,
            "testsuite",
            name=_title(suite),
            tests=str(len(suite.tests)),
            failures=str(suite.count("failed", "timed out")),
            skipped=str(suite.count("skipped")),
            time=f"{sum(test.seconds for test in suite.tests):.3f}",
        )
        for test in suite.tests:
            _add_case(element, _title(suite), test)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _add_case(suite: ElementTree.Element, name: str, test: TestResult) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=name, name=test.title, time=f"{test.seconds:.3f}")
    output = _NOT_XML.sub("\ufffd", test.output)
    if test.outcome == "skipped":
        ElementTree.SubElement(case, "skipped", message=output)
    elif not test.ok:
        last = (output.splitlines() or [""])[-1]
        ElementTree.SubElement(case, "failure", message=f"{test.outcome}: {last}").text = output
    elif output:
        ElementTree.SubElement(case, "system-out").text = output
