"""The evaluator that the workflow's tests stand on: GitHub's documented rules, and an error for anything else."""

from __future__ import annotations

from typing import Any

import pytest

from actions.expressions import UnknownExpressionError, condition, evaluate, interpolate

SCOPE: dict[str, Any] = {
    "github": {"event_name": "push", "ref": "refs/heads/main", "event": {"pull_request": None}},
    "matrix": {"runner": ["self-hosted", "jetson"], "qemu": ""},
    "needs": {
        "plan": {"result": "success", "outputs": {"count": "2"}},
        "build": {"result": "failure", "outputs": {}},
    },
    "inputs": {},
}
FINE = {"success": True, "failure": False, "cancelled": False, "always": True}
FAILED = {"success": False, "failure": True, "cancelled": False, "always": True}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'it''s'", "it's"),
        ("github.EVENT_name == 'PUSH'", True),
        ("github.event.pull_request.number || github.ref", "refs/heads/main"),
        ("github.event_name == 'pull_request' && 'a' || inputs.all && 'b' || 'c'", "c"),
        ("needs.plan.outputs.count != '0'", True),
        ("needs.plan.outputs.count == 2", True),
        ("null == 0", True),
        ("'' == 0", True),
        ("'x' == 0", False),
        ("!(1 < 2) || 3 >= 3", True),
        ("join(needs.*.result, ' ')", "success failure"),
        ("contains(needs.*.result, 'failure')", True),
        ("matrix.runner[1]", "jetson"),
        ("fromJSON('{\"a\": [1]}').a[0]", 1),
        ("startsWith(github.ref, 'refs/heads/')", True),
        ("needs['plan'].result", "success"),
        ("github.nothing.at.all", None),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert evaluate(text, SCOPE, FINE) == value


@pytest.mark.parametrize(
    "text", ["hashFiles('x')", "secrets.A", "1 +", "a b", "github.ref ? 1 : 2", "join('a')", "'x"]
)
def test_what_is_not_known_is_an_error(text: str) -> None:
    with pytest.raises(UnknownExpressionError):
        evaluate(text, SCOPE, FINE)


def test_a_value_that_is_one_expression_keeps_its_type() -> None:
    assert interpolate("${{ matrix.runner }}", SCOPE, FINE) == ["self-hosted", "jetson"]
    assert interpolate("a-${{ needs.plan.outputs.count }}-${{ true }}", SCOPE, FINE) == "a-2-true"


def test_conditions_ask_for_success_unless_they_say_otherwise() -> None:
    assert condition(None, SCOPE, FINE)
    assert not condition(None, SCOPE, FAILED)
    assert not condition("github.event_name == 'push'", SCOPE, FAILED)
    assert condition("always()", SCOPE, FAILED)
    assert condition("${{ !cancelled() && github.event_name == 'push' }}", SCOPE, FAILED)
    assert not condition("matrix.qemu != ''", SCOPE, FINE)
