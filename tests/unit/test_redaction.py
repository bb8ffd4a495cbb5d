"""Secrets in text are recognised by form and name, refused in addresses, and shown nowhere."""

from __future__ import annotations

import pytest

from edgebake.errors import EdgebakeError, Position
from edgebake.lint.rules.secrets import SECRET_IN_SCRIPT
from edgebake.model.base import BadValue, check_url, without_secret
from edgebake.model.recipe import check_git_url
from edgebake.redaction import address_secret, redacted

GITHUB = "ghp_" + "a1" * 18
HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("address", "secret"),
    [
        ("https://oauth2:example-password@gitlab.example.com/robots/planner.git", "example-password"),
        ("ssh://git:example-password@git.example.com/planner", "example-password"),
        (f"https://{GITHUB}@github.com/acme/planner", GITHUB),
        (f"https://{GITHUB}:x-oauth-basic@github.com/acme/planner", GITHUB),
        ("https://abcdefghijklmnopqrstuvwxyz0123@dev.azure.com/a/_git/b", "abcdefghijklmnopqrstuvwxyz0123"),
        (f"https://s3.example.com/model.bin?X-Amz-Date=20260101&X-Amz-Signature={HEX}", HEX),
        (f"https://s3.example.com/model.bin?X-Amz-Credential={HEX}/20260101", HEX),
        (f"https://blob.example.com/model.bin?sv=2024&sig={HEX}%3D", HEX),
        (f"https://storage.example.com/model.bin?X-Goog-Signature={HEX}", HEX),
        (f"https://cdn.example.com/model.bin?Expires=1&Signature={HEX}&Key-Pair-Id=K", HEX),
        (f"https://gitlab.example.com/a.zip?private_token={HEX}", HEX),
        (f"https://example.com/a.zip?api_key={HEX}", HEX),
        (f"foo @ https://user:{HEX}@example.com/foo-1.0-py3-none-any.whl", HEX),
        (f"foo @ git+https://{GITHUB}@github.com/acme/foo@v1", GITHUB),
    ],
)
def test_a_secret_in_an_address_is_refused_and_not_shown(address: str, secret: str) -> None:
    with pytest.raises(BadValue) as raised:
        without_secret(address)
    assert secret not in f"{raised.value} {raised.value.hints}"
    assert any("secrets" in hint for hint in raised.value.hints)
    assert secret not in redacted(f"cannot read {address}: 401")
    assert secret not in str(EdgebakeError(f"{address!r} x", reason=address, hints=(address,)))
    assert secret not in SECRET_IN_SCRIPT.found(f"pip installs {address!r}", Position("a")).message


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/acme/planner",
        "https://me@bitbucket.org/acme/planner.git",
        "https://contoso@dev.azure.com/contoso/robots/_git/planner",
        "ssh://git@git.example.com:2222/robots/planner.git",
        "git@github.com:acme/planner.git",
        "https://example.com/model.bin?download=true&revision=main",
        "https://example.com/a.whl#sha256=" + HEX,
        "https://example.com/tokenizer.json?token_type=bpe",
        "foo @ https://${USER}:${TOKEN}@example.com/foo-1.0-py3-none-any.whl",
        "foo[extra]>=1; python_version < '3.12'",
    ],
)
def test_what_is_no_secret_is_not_taken_for_one(address: str) -> None:
    assert address_secret(address) is None
    assert redacted(address) == address


def test_an_address_that_is_wrong_as_well_is_not_shown() -> None:
    for check in (check_url, check_git_url):
        with pytest.raises(ValueError, match="password") as raised:
            check("https://me:hunter2@example.com/a b")
        assert "hunter2" not in str(raised.value)


def test_the_rest_of_a_text_stays() -> None:
    text = f"fatal: https://me:pw1@a.example.com/x?token=pw2&a=b and {GITHUB}."
    assert redacted(text) == "fatal: https://me:***@a.example.com/x?token=***&a=b and ***."
