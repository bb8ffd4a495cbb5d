"""Secrets in text: recognised by their form or name, and left out of everything that is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

HIDDEN = "***"
"""What is shown in the place of a secret."""

_SECRET_WORD = re.compile(
    "PASSWORD|PASSWD|PASSPHRASE|PWD|SECRETS?|TOKEN|APIKEY|CREDENTIALS?|AUTHKEY"
    "|(?:DB|USER|ROOT|ADMIN|SMTP|MAIL|MYSQL|POSTGRES|REDIS|FTP|PROXY)_PASS"
    "|(?:API|ACCESS|PRIVATE|SECRET|SIGNING|ENCRYPTION|SSH|AUTH|MASTER)_KEYS?"
)
_NO_SECRET_END = re.compile(
    "FILE|PATH|DIR|FOLDER|URL|URI|NAME|ID|LENGTH|LIMIT|SIZE|COUNT|TTL|TYPE|EXPIRY|TIMEOUT|HEADER|HOST|BACKEND"
)
_OTHER_WORDS = re.compile(
    "(?:OLD)?PWD"  # the shell's folders
    "|(?:.*_)?(?:PAD|EOS|BOS|UNK|SEP|CLS|MASK|STOP|START|END|SPECIAL|IMAGE|IMG|AUDIO|VIDEO)_TOKEN"  # of a tokenizer
)

# Forms that issuers publish, so that leaked ones can be found; each with a fixed beginning.
_ISSUED = (
    (re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}"), "a GitHub token"),
    (re.compile(r"\bgithub_pat_[A-Za-z0-9_]{40,}"), "a GitHub token"),
    (re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"), "a GitLab token"),
    (re.compile(r"\bhf_[A-Za-z0-9]{30,}"), "a Hugging Face token"),
    (re.compile(r"\bnvapi-[A-Za-z0-9_-]{40,}"), "an NVIDIA API key"),
    (re.compile(r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}"), "an API key"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), "an AWS access key"),
    (re.compile(r"\bAIza[A-Za-z0-9_-]{35}"), "a Google API key"),
    (re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}"), "a Slack token"),
    (re.compile(r"\bpypi-AgEI[A-Za-z0-9_-]{40,}"), "a PyPI token"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"), "a JSON web token"),
    (re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"), "a private key"),
)
_REFERENCE = r"\$\{?\w+\}?|\{\{.*?\}\}"
"""A value that is named, and not written: of a variable, or of a template."""
_PASSWORD = re.compile(rf"(?<=://)(?P<user>[^/\s@:'\"]*):(?!(?:{_REFERENCE})@)(?P<secret>[^/\s@'\"]+)@")
_USER = re.compile(rf"(?<=://)(?!(?:{_REFERENCE})@)(?P<secret>[^/\s@:'\"]+)@")
_QUERY = re.compile(rf"[?&#](?P<name>[\w.-]+)=(?!(?:{_REFERENCE})(?:[&\s'\"]|$))(?P<secret>[^&#\s'\"]+)")
_SIGNATURES = re.compile(
    "sig|signature|.*-signature|.*-credential|.*-security-token|se?cret|pass|awsaccesskeyid|key-pair-id|auth",
    re.IGNORECASE,
)  # of signed addresses: AWS, Google Cloud, Azure (SAS), CloudFront


def is_secret_name(name: str) -> bool:
    """Tell whether a variable's name says that its value is secret: DB_PASSWORD, but not TOKENIZERS_PARALLELISM."""
    words = re.sub("-+|[./]", "_", name.upper())
    if _OTHER_WORDS.fullmatch(words) or _NO_SECRET_END.fullmatch(words.split("_")[-1]):
        return False
    return bool(re.search(rf"(?<![A-Z0-9])(?:{_SECRET_WORD.pattern})(?![A-Z0-9])", words))


def find_secret(text: str) -> tuple[int, str] | None:
    """Return where the first secret in a text begins, and what it is; None if no form is recognised."""
    return min(((start, what) for start, _, what in _secrets(text)), default=None)


def known_form(text: str) -> str | None:
    """Return what kind of secret a text holds, by the forms that issuers publish and by addresses, or None."""
    found = find_secret(text)
    return found[1] if found else None


def address_secret(address: str) -> str | None:
    """Return what kind of secret an address holds, or None. A variable's or a template's value is none.

    >>> address_secret("https://oauth2:example@gitlab.example.com/planner.git")
    'a password'
    >>> address_secret("https://git@gitlab.example.com/planner.git")
    """
    if password := _PASSWORD.search(address):
        return "a password" if password["secret"] else None
    user = _USER.search(address)
    if user and _is_token(user["secret"]):
        return "a token"
    for query in _QUERY.finditer(address):
        if _is_secret_query(query["name"]):
            return f"a secret ({query['name']})"
    return known_form(address)


def redacted(text: str) -> str:
    """Return a text with `***` in the place of each secret that is recognised.

    >>> redacted("cannot read https://me:example@git.example.com/a.git?token=b")
    'cannot read https://me:***@git.example.com/a.git?token=***'
    """
    for start, end, _ in sorted(_secrets(text), reverse=True):
        text = f"{text[:start]}{HIDDEN}{text[end:]}"
    return text


def _secrets(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield beginning, end and kind of each secret in a text; none is within another."""
    end = 0
    for start, stop, what in sorted(_found(text)):
        if start >= end:
            yield start, stop, what
            end = stop


def _found(text: str) -> Iterator[tuple[int, int, str]]:
    for pattern, what in _ISSUED:
        yield from ((*match.span(), what) for match in pattern.finditer(text))
    if "://" not in text:
        return
    yield from ((*match.span("secret"), "an address with a password") for match in _PASSWORD.finditer(text))
    users = (match for match in _USER.finditer(text) if _is_token(match["secret"]))
    yield from ((*match.span("secret"), "an address with a token") for match in users)
    queries = (match for match in _QUERY.finditer(text) if _is_secret_query(match["name"]))
    yield from ((*match.span("secret"), "an address with a secret") for match in queries)


def _is_token(user: str) -> bool:
    """Tell whether the user of an address is a token: long, with digits, as `https://TOKEN@github.com` takes it."""
    if any(pattern.search(user) for pattern, _ in _ISSUED):
        return True
    return bool(re.fullmatch(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_~-]{24,}", user))


def _is_secret_query(name: str) -> bool:
    return bool(_SIGNATURES.fullmatch(name)) or is_secret_name(name)
