"""What came of the tests: as a table, as JSON, and as JUnit XML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from edgebake.testing.runner import CaseResult

# What XML 1.0 has no way to write.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Suite:
    """The tests of one image on one target and platform.

    `reference` is the image that they ran in.
    """

    image: str
    target: str
    platform: str
    reference: str
    results: tuple[CaseResult, ...]

    @property
    def ok(self) -> bool:
        """Whether no test failed."""
        return all(result.ok for result in self.results)

    def count(self, *outcomes: str) -> int:
        """Return how many tests came out as one of `outcomes`."""
        return sum(result.outcome in outcomes for result in self.results)


def as_text(suites: Sequence[Suite]) -> str:
    """Return a table for each suite, with the output of what failed, and a last line that counts."""
    blocks = ["\n".join(_lines(suite)) for suite in suites]
    names = ("passed", "failed", "timed out", "skipped")
    counts = [f"{n} {name}" for name in names if (n := sum(suite.count(name) for suite in suites))]
    return "\n\n".join([*blocks, ", ".join(counts) or "no recipe has a test"])


def _lines(suite: Suite) -> list[str]:
    lines = [f"{suite.image} on {suite.target} ({suite.platform}) · {suite.reference}"]
    width = max((len(result.case.title) for result in suite.results), default=0)
    for result in suite.results:
        lines.append(f"  {result.outcome:<9}  {result.case.title:<{width}}  {result.seconds:.1f}s".rstrip())
        if result.outcome != "passed":
            lines += [f"      {line}" for line in result.output.splitlines()]
    return lines


def as_data(suites: Sequence[Suite]) -> dict[str, Any]:
    """Return the suites as data for `--json`."""
    return {
        "version": 1,
        "suites": [
            {
                "image": suite.image,
                "target": suite.target,
                "platform": suite.platform,
                "reference": suite.reference,
                "tests": [
                    {
                        "recipe": result.case.recipe,
                        "title": result.case.title,
                        "outcome": result.outcome,
                        "seconds": round(result.seconds, 3),
                        "output": result.output,
                    }
                    for result in suite.results
                ],
            }
            for suite in suites
        ],
    }


def as_junit(suites: Sequence[Suite]) -> bytes:
    """Return the suites as JUnit XML, which CI services read."""
    root = ElementTree.Element("testsuites")
    for suite in suites:
        name = f"{suite.image} on {suite.target} ({suite.platform})"
        element = ElementTree.SubElement(
            root,
            "testsuite",
            name=name,
            tests=str(len(suite.results)),
            failures=str(suite.count("failed", "timed out")),
            skipped=str(suite.count("skipped")),
            time=f"{sum(result.seconds for result in suite.results):.3f}",
        )
        for result in suite.results:
            _add_case(element, name, result)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _add_case(suite: ElementTree.Element, name: str, result: CaseResult) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=name, name=result.case.title, time=f"{result.seconds:.3f}"
    )
    output = _NOT_XML.sub("\ufffd", result.output)
    if result.outcome == "skipped":
        ElementTree.SubElement(case, "skipped", message=output)
    elif not result.ok:
        last = (output.splitlines() or [""])[-1]
        ElementTree.SubElement(case, "failure", message=f"{result.outcome}: {last}").text = output
    elif output:
        ElementTree.SubElement(case, "system-out").text = output
