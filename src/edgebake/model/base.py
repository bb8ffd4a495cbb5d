"""The base of all models: strict, with the types of text that users write, and with messages for bad values.

Values arrive as text (see `load.document`). The types here check them and give plain messages.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, TypeVar
from unicodedata import category

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler, WithJsonSchema
from pydantic.annotated_handlers import GetCoreSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core.core_schema import CoreSchema, no_info_before_validator_function

from edgebake.dataclasses import dataclass
from edgebake.redaction import address_secret

T = TypeVar("T")


class Model(BaseModel):
    """A frozen model that rejects unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), defer_build=True)


class BadValue(ValueError):
    """A mistake inside a value.

    Args:
        message: what is wrong, as for any validator.
        path: the location below the value.
        hints: what to try.
        is_key: the last part of `path` is a key, and the key itself is wrong.
    """

    def __init__(
        self, message: str, *, path: tuple[str | int, ...] = (), hints: Sequence[str] = (), is_key: bool = False
    ) -> None:
        super().__init__(message)
        self.path = path
        self.hints = tuple(hints)
        self.is_key = is_key


def checker(pattern: str, problem: str, *, limit: int = 128) -> Callable[[str], str]:
    """Return a function that checks a text and returns it.

    Args:
        pattern: a regular expression that the whole text must match.
        problem: the message if it does not match, without the text: "is not a version".
        limit: the most characters.
    """
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if len(text) > limit:
            raise ValueError(f"is longer than {limit} characters")
        if not compiled.fullmatch(text):
            raise ValueError(f"{text!r} {problem}")
        return text

    return check


def find_cycle(edges: Mapping[str, Iterable[str]]) -> list[str] | None:
    """Return a path along `edges` that ends where it starts; None if there is none.

    It is searched from each name and along each edge in the order that they are given.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(edges, ()))
    for name, others in edges.items():
        for other in others:
            sorter.add(other, name)  # the sorter reports cycles from a node's requirements to the node
    try:
        sorter.prepare()
    except CycleError as error:
        return list(error.args[1])
    return None


def matching(pattern: str, problem: str, *, limit: int = 128) -> AfterValidator:
    """Return a validator for text; the arguments are those of :func:`checker`."""
    return AfterValidator(checker(pattern, problem, limit=limit))


def templated(check: Callable[[str], str]) -> AfterValidator:
    """Return a validator that applies `check` to plain text. Templates are checked after they are filled in."""
    return AfterValidator(
        lambda text: without_secret(no_control(text)) if "{{" in text or "{%" in text else check(text)
    )


def no_control(text: str) -> str:
    """Return `text`.

    Raises:
        ValueError: it has several lines, or control characters.
    """
    if not text.isprintable() and any(category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs") for c in text):
        raise ValueError(f"{text!r} contains a line break or another control character")
    return text


@dataclass(frozen=True, eq=False)  # hashed by identity: a schema has no hash
class ShortForm:
    """Allows a short form of a field.

    Args:
        expand: returns a value of the short form as one of the long form, and any other value as it is.
        schemas: the JSON Schemas of the short form; that of a list's items if there are none.
    """

    expand: Callable[[Any], Any]
    schemas: tuple[JsonSchemaValue, ...] = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(self.expand, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        return {"anyOf": [*(self.schemas or (schema.get("items", {}),)), schema]}


def text_form(expand: Callable[[str], Any]) -> ShortForm:
    """Return the short form of a mapping: a text. `expand` returns it as a mapping."""
    return ShortForm(lambda value: expand(value) if isinstance(value, str) else value, ({"type": "string"},))


def text_for(key: str) -> ShortForm:
    """Return the short form of a mapping: the text of its `key`."""
    return text_form(lambda text: {key: text})


OneOrMany = Annotated[tuple[T, ...], ShortForm(lambda value: [value] if isinstance(value, str) else value)]

# A name can be a component of an image's repository: the grammar of github.com/distribution/reference.
NAME_PATTERN = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_NAME_PROBLEM = "is not a valid name (use lower-case letters and digits, separated by '.', '_' or '-')"

Name = Annotated[str, matching(NAME_PATTERN, _NAME_PROBLEM, limit=64)]
ImageName = Annotated[Name, matching(r"(?!eb-).*", "starts with 'eb-', which is reserved for generated stages")]
VersionText = Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9._+!-]*", "is not a version", limit=100)]
EnvName = Annotated[str, matching(r"[A-Za-z_][A-Za-z0-9_]*", "is not a variable name")]

check_apt_package = checker(
    r"[a-z0-9][a-z0-9+.-]+(?::[a-z0-9]+)?(?:[=/][A-Za-z0-9.+:~_-]+)?",
    "is not an apt package (name, name=version or name/suite)",
)
AptPackage = Annotated[str, templated(check_apt_package)]

Line = Annotated[str, AfterValidator(no_control)]
"""Text of one line."""

Sha256 = Annotated[str, matching(r"[0-9a-f]{64}", "is not a SHA-256 digest")]
"""The digest of a file's bytes."""

_check_url_form = checker(r"(?:https?|ssh|git|file)://[^\s\"'`<>\\^]+", "is not a URL", limit=2000)


def check_url(text: str) -> str:
    """Return a URL.

    Raises:
        ValueError: it is none, or holds a secret.
    """
    return _check_url_form(without_secret(text))


def without_secret(text: str) -> str:
    """Return an address, or a text with one.

    Raises:
        BadValue: it holds a password, a token or a signature. The message does not.
    """
    what = address_secret(text)
    if what is None:
        return text
    raise BadValue(
        f"the address holds {what}, which anyone who can read this file or the generated ones would see",
        hints=(
            "remove it, and revoke it if it was committed",
            "give it to builds as a secret: `secrets` in edgebake.yaml (docs/howto/private.md)",
        ),
    )


Address = Annotated[str, AfterValidator(no_control), AfterValidator(without_secret)]
"""Text of one line that can be an address, or hold one, but no secret."""

Url = Annotated[str, AfterValidator(check_url), WithJsonSchema({"type": "string", "format": "uri"})]

_WEB_ADDRESS = r"https?://[^\s\x00-\x1f\x7f\"'`<>\\^#@{}|/]+(?:/[^\s\x00-\x1f\x7f\"'`<>\\^#{}|]*)?"
_check_plain_address = checker(_WEB_ADDRESS, "is not a plain web address", limit=2000)


def check_web_address(text: str) -> str:
    """Return an address that generated files can contain.

    Raises:
        ValueError: it is not a web address, contains credentials, or has characters that need quotes.
    """
    if "@" in text.partition("://")[2].partition("/")[0]:
        raise ValueError("an address must not contain a user name or a password; put them into a netrc file")
    return _check_plain_address(text)


Platform = Annotated[
    str, matching(r"linux/(?:amd64|arm64)", "is not a supported platform (linux/amd64 or linux/arm64)")
]


def _relative(text: str) -> str:
    no_control(text)
    parts = text.replace("\\", "/").split("/")
    if text.startswith(("/", "~")) or ".." in parts or not text:
        raise ValueError(f"{text!r} must be a relative path inside the folder, without '..'")
    if "${" in text or "{{" in text:
        raise ValueError(f"{text!r} must be a plain path, without variables or templates")
    _short(text)
    return text.removeprefix("./") or "."


def _short(path: str) -> None:
    """Refuse a path that no Linux file system can hold."""
    if len(path.encode()) >= 4096 or any(len(part.encode()) > 255 for part in path.split("/")):
        raise ValueError(f"{path[:40]!r}… is longer than a path can be")


RelativePath = Annotated[str, AfterValidator(_relative)]
PlainPath = Annotated[
    RelativePath, matching(r"[A-Za-z0-9._/@+-]+", "contains characters other than A-Z a-z 0-9 . _ / @ + -")
]


def check_image_path(text: str) -> str:
    """Return an absolute path in the image.

    Raises:
        ValueError: the path is not absolute, or contains '..'.
    """
    no_control(text)
    if not text.startswith("/") or ".." in text.split("/"):
        raise ValueError(f"{text!r} must be an absolute path in the image, without '..'")
    _short(text)
    return text


ImagePath = Annotated[str, AfterValidator(check_image_path)]


def _distinct_paths(values: Any) -> Any:
    """Return a mapping by paths.

    Raises:
        BadValue: two of its keys are one path, so that one of their values would be lost.
    """
    seen: dict[str, str] = {}
    for key in values if isinstance(values, dict) else ():
        path = posixpath.normpath(key) if isinstance(key, str) and key else key
        first = seen.setdefault(path, key)
        if first != key:
            raise BadValue(f"{key!r} and {first!r} are the same path", path=(key,), is_key=True)
    return values


DistinctPaths = BeforeValidator(_distinct_paths)
"""For a mapping by paths: `A` and `./A` cannot both be keys."""

_LINKED = re.compile(r"(/bin|/sbin|/lib|/lib32|/lib64|/libx32|/var/run|/var/lock)(/|$)")


def check_copy_destination(text: str) -> str:
    """Return a path in the image that files are copied to.

    Raises:
        ValueError: it is not a path in the image, or goes through a link of the base image.
    """
    check_image_path(text)
    match = _LINKED.match(text)
    if match:
        # `COPY --link` does not follow the link: a folder would replace it and break the image.
        real = text.replace(match[1], match[1].replace("/var", "") if "/var" in match[1] else f"/usr{match[1]}", 1)
        raise ValueError(f"{text!r} goes through {match[1]}, a link in the base image; use {real!r}")
    return text


CopyDestination = Annotated[str, AfterValidator(check_copy_destination)]
"""A path in the image that files are copied to."""


def check_folder_destination(text: str) -> str:
    """Return a path in the image that a folder's contents are copied to.

    Raises:
        ValueError: as :func:`check_copy_destination`; or it is the root.
    """
    if text.strip("/") == "":
        raise ValueError("'/' would replace links of the base image with folders; use a folder such as '/usr'")
    return check_copy_destination(text)


FolderDestination = Annotated[str, AfterValidator(check_folder_destination)]
"""A path in the image that a folder's contents are copied to."""

_HOST = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::[0-9]+)?"
RegistryHost = Annotated[str, matching(_HOST, "is not a registry (host or host:port)", limit=255)]
REPOSITORY_PATH_PATTERN = rf"{NAME_PATTERN}(?:/{NAME_PATTERN})*"
_REPOSITORY = rf"(?:{_HOST}/)?{REPOSITORY_PATH_PATTERN}"

Reference = Annotated[
    str,
    matching(
        rf"{_REPOSITORY}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?",
        "is not an image reference",
        limit=400,
    ),
]
Repository = Annotated[
    str, matching(rf"(?:{_HOST}|{_REPOSITORY})", "is not a repository (such as ghcr.io/acme/app)", limit=255)
]


def _no_bool_words(value: Any) -> Any:
    if isinstance(value, str) and value not in ("true", "false"):
        raise ValueError(f"must be true or false, not {value!r}")
    return value


Flag = Annotated[bool, BeforeValidator(_no_bool_words), WithJsonSchema({"type": "boolean"})]
