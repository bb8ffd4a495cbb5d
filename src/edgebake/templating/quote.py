"""Quoting: one function for each output language, so that untrusted text stays text.

Every function takes plain text and returns the characters to put into the generated file, including delimiters.
Text that a language cannot represent raises :class:`EdgebakeError`. Nothing is changed silently.

Sources of the rules:

* HCL and bake's JSON: hashicorp/hcl ``hclsyntax/spec.md`` (quoted templates) and ``json/spec.md``;
  zclconf/go-cty normalises every string to NFC. Tested with bake: ``tests/integration/test_quote_bake.py``.
* Dockerfile: moby/buildkit ``frontend/dockerfile/parser`` (lines, words, JSON form) and
  ``frontend/dockerfile/shell/lex.go`` (expansion). COPY sources pass three matchers: :func:`_glob_literal`.
  Tested with a real engine: ``tests/e2e/test_quote_dockerfile.py``.
* Shell: POSIX through :func:`shlex.quote`. YAML: https://yaml.org/spec/1.2.2/#57-escaped-characters.
* Compose: https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md. Tested with Compose:
  ``tests/integration/test_compose_cli.py``.
"""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache

from edgebake.errors import EdgebakeError

# Text that is the same between double quotes in all of these languages: printable ASCII without " $ % and \\.
# Most text is of this kind, and needs none of the rules below.
_PLAIN = re.compile(r"[ !#&-\[\]-~]*")

# ── HCL ──────────────────────────────────────────────────────────────────────────────────────────────────


def hcl_string(text: str) -> str:
    """Return `text` as a double-quoted HCL literal without interpolation.

    Raises:
        EdgebakeError: `text` is not NFC-normalised (bake would change it), or not Unicode.
    """
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    _refuse_unstable_in_bake(text)
    return f'"{_hcl_literal(text)}"'


def hcl_template(text: str, variables: Collection[str]) -> str:
    """Return `text` as a double-quoted HCL template in which only ``${NAME}`` of `variables` is interpolated.

    ``"${TAG}-jp6"`` contains the value of TAG if TAG is in `variables`. Any other ``${…}`` or ``%{…}`` is plain
    text. A name in `variables` cannot be escaped: ``$${TAG}`` is a dollar sign followed by the value.

    Raises:
        EdgebakeError: as :func:`hcl_string`.
    """
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    _refuse_unstable_in_bake(text)
    return f'"{_template(text, variables, _hcl_literal)}"'


def json_string(text: str) -> str:
    """Return `text` as a string for docker-bake.json, where bake interpolates as in HCL.

    Raises:
        EdgebakeError: as :func:`hcl_string`.
    """
    _refuse_unstable_in_bake(text)
    return json.dumps(_json_literal(text))


def json_template(text: str, variables: Collection[str]) -> str:
    """Return `text` as a string for docker-bake.json in which only ``${NAME}`` of `variables` is interpolated.

    Raises:
        EdgebakeError: as :func:`hcl_string`.
    """
    _refuse_unstable_in_bake(text)
    return json.dumps(_template(text, variables, _json_literal))


_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_-]*)\}")
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def _template(text: str, variables: Collection[str], literal: Callable[[str], str]) -> str:
    """Return `text` with references to `variables` kept, and everything between them passed through `literal`."""
    parts: list[str] = []
    for before, reference in _split_references(text, variables):
        plain = before.rstrip("$") if reference else before
        parts.append(literal(plain))
        if plain != before:
            # "$" before "${NAME}" would be read as the escape "$${": write it as an expression.
            parts.append(f'${{"{before[len(plain) :]}"}}')
        parts.append(reference)
    return "".join(parts)


def _split_references(text: str, variables: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield plain text and the reference to a variable that follows it. The last reference is empty."""
    start = 0
    for match in _REFERENCE.finditer(text):
        if match[1] in variables:
            yield text[start : match.start()], match[0]
            start = match.end()
    yield text[start:], ""


_NOT_PLAIN = re.compile(r"[^ !#-\[\]-~]")


def _hcl_literal(text: str) -> str:
    return _without_markers(_NOT_PLAIN.sub(lambda match: _hcl_character(match[0]), text))


def _hcl_character(character: str) -> str:
    return _SHORT_ESCAPES.get(character) or _visible(character)


def _json_literal(text: str) -> str:
    """Return `text` for the inside of a JSON string: a template whose only escapes are doubled markers."""
    # HCL's scanner drops a byte order mark at the start, and treats everything after a lone CR as plain text.
    if "\r" in text or "\ufeff" in text:
        return f'${{"{_hcl_literal(text)}"}}'
    return _without_markers(text)


def _without_markers(text: str) -> str:
    """Return `text` with the openings of interpolations and directives doubled, which makes them plain text."""
    return text.replace("${", "$${").replace("%{", "%%{")


def _refuse_unstable_in_bake(text: str) -> None:
    _refuse(text, "a bake file")
    if not unicodedata.is_normalized("NFC", text):
        raise EdgebakeError(
            f"{_shown(text)} cannot be written in a bake file",
            reason="Bake converts every string to Unicode NFC, and this one is not NFC.",
            hints=(f"write {_shown(unicodedata.normalize('NFC', text))}, or keep the exact bytes in a file",),
        )


# ── Dockerfile ───────────────────────────────────────────────────────────────────────────────────────────

_PLAIN_COPY_WORD = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./+=@%,-]*")
_PLAIN_COPY_START = re.compile(r"/|(?!github\.com/)[A-Za-z0-9_.-]+(/|\Z)")
# Go's unicode.IsSpace, which strings.TrimSpace uses; Python's own set has U+001C to U+001F on top.
_GO_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_GLOB_SPECIAL = re.compile(rf"[*?\[\\^]|\A[!\ufeff]|\A[{_GO_SPACE}]|[{_GO_SPACE}]\Z")


_ESCAPED_IN_A_WORD = str.maketrans({"\\": r"\\", '"': r"\"", "$": r"\$"})


def dockerfile_word(text: str) -> str:
    """Return `text` double-quoted for a key or value in ENV, LABEL and ARG, without expansion of variables.

    Raises:
        EdgebakeError: `text` contains a line feed or NUL, or is not Unicode.
    """
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    _refuse(text, "an ENV, LABEL or ARG value", forbidden="\n\0")
    return '"' + text.translate(_ESCAPED_IN_A_WORD) + '"'


def copy_words(sources: Sequence[str], dest: str) -> str:
    """Return the words after ``COPY`` and its flags: plain words if possible, otherwise the JSON form.

    Every source is one path, taken literally: wildcards, variables, URLs and heredoc markers are plain text.
    BuildKit has two limits. A missing source with special characters becomes a pattern, so it is an empty copy and
    not an error. A source *through* a symbolic link with special characters is not found. Check paths beforehand.

    Raises:
        EdgebakeError: there is no source; a path is empty, contains NUL or is not Unicode; there are several
            sources, and `dest` does not end in a slash.
    """
    if not sources or "" in sources or not dest:
        raise EdgebakeError("COPY needs at least one source and a destination, and none can be empty")
    if len(sources) > 1 and not dest.endswith("/"):
        raise EdgebakeError(
            f"COPY of {len(sources)} sources needs a directory as destination, not {_shown(dest)}",
            hints=(f"write {_shown(dest + '/')}",),
        )
    for path in (*sources, dest):
        _refuse(path, "a COPY path", forbidden="\0")
    if all(_PLAIN_COPY_WORD.fullmatch(path) and _is_plain_start(path) for path in (*sources, dest)):
        return " ".join((*sources, dest))
    words = [_unexpanded(_rooted(_glob_literal(source))) for source in sources]
    return exec_form([*words, _unexpanded(_rooted(dest))])


def exec_form(argv: Sequence[str]) -> str:
    """Return `argv` in JSON form, for ENTRYPOINT, CMD, HEALTHCHECK CMD, SHELL and RUN.

    BuildKit expands no variables in it, except for COPY and VOLUME (:func:`copy_words`, :func:`volume_paths`). The
    result is ASCII, so that no editor or locale can damage it.

    Raises:
        EdgebakeError: a word contains NUL, or is not Unicode.
    """
    for word in argv:
        _refuse(word, "a command", forbidden="\0")
    return json.dumps(list(argv))


def volume_paths(paths: Sequence[str]) -> str:
    """Return the folders of VOLUME in JSON form, each taken literally: BuildKit expands variables in them, too.

    Raises:
        EdgebakeError: a path contains NUL, or is not Unicode.
    """
    return exec_form([_unexpanded(path) for path in paths])


def _is_plain_start(path: str) -> bool:
    """Return whether BuildKit reads `path` as a path, not as a URL, git reference or heredoc marker."""
    return _PLAIN_COPY_START.match(path) is not None


def _rooted(path: str) -> str:
    """Return `path`, with "./" before it if its start could be read as something other than a path."""
    return path if _is_plain_start(path) else f"./{path}"


def _glob_literal(path: str) -> str:
    r"""Return a pattern that matches only `path`, in all three matchers that a COPY source passes.

    The client's filter (fsutil's followlinks.go and filter.go over moby/patternmatcher) and the copy itself
    (fsutil's copy.go) read a source differently. The copy reads ``a\*b`` as a name with a backslash, because it has
    no wildcard. The filter breaks ``[*]``, trims spaces at the ends, and reads a leading ``!`` as an exception. All
    of them read an escape inside a class, ``[\*]``, as one literal character.
    """
    return _GLOB_SPECIAL.sub(lambda match: _one_character_class(match[0]), path)


def _one_character_class(character: str) -> str:
    # RE2 (in patternmatcher) accepts a backslash only before ASCII punctuation.
    return f"[\\{character}]" if character in "*?[\\^" else f"[{character}]"


def _unexpanded(word: str) -> str:
    """Return `word` escaped for BuildKit's word expansion, which also applies to the JSON form."""
    return re.sub(r"""([\\"'$])""", r"\\\1", word)


# ── Shell and YAML ───────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=8192)
def shell_word(text: str) -> str:
    """Return `text` as one word for any POSIX shell, in a RUN line or a generated script.

    A line feed is an error: a RUN line cannot contain one, and not every shell supports ``$'\\n'`` (dash prints it
    unchanged). Put several lines in a file.

    Raises:
        EdgebakeError: `text` contains a line feed or NUL, or is not Unicode.
    """
    _refuse(text, "a shell command", forbidden="\n\0")
    return shlex.quote(text)


def yaml_string(text: str) -> str:
    """Return `text` as a double-quoted YAML scalar in ASCII.

    It does not protect against GitHub Actions, which expands ``${{ … }}`` after parsing the YAML.

    Raises:
        EdgebakeError: `text` is not Unicode.
    """
    _refuse(text, "a YAML file")
    return '"' + "".join(_yaml_character(character) for character in text) + '"'


def _yaml_character(character: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    # No surrogate pairs as in JSON: PyYAML reads them as two characters.
    return character if " " <= character <= "~" else _unicode_escape(character)


def compose_string(text: str) -> str:
    """Return `text` as a YAML scalar for a Compose file, without interpolation: each ``$`` is doubled.

    Compose does not interpolate keys; use :func:`yaml_string` for them.
    https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md

    Raises:
        EdgebakeError: `text` is not Unicode.
    """
    return yaml_string(text.replace("$", "$$"))


def compose_template(text: str, defaults: Mapping[str, str]) -> str:
    """Return `text` as :func:`compose_string` does, but keep ``${NAME}`` of `defaults` as variables.

    A variable that is unset or empty when the services start has its default. Without a default, Compose fails.

    Raises:
        EdgebakeError: `text` is not Unicode, or a default cannot be written in a Compose file.
    """
    parts = (
        plain.replace("$", "$$") + (_defaulted(reference[2:-1], defaults) if reference else "")
        for plain, reference in _split_references(text, defaults)
    )
    return yaml_string("".join(parts))


def _defaulted(name: str, defaults: Mapping[str, str]) -> str:
    if re.search(r"[{}$]", defaults[name]):
        raise EdgebakeError(
            f"the default of the variable {name!r}, {_shown(defaults[name])}, cannot be written in a Compose file",
            reason="A default in Compose cannot contain a brace or a dollar sign.",
        )
    return f"${{{name}:-{defaults[name]}}}" if defaults[name] else f"${{{name}:?it has no default}}"


# ── Shared ───────────────────────────────────────────────────────────────────────────────────────────────


def _visible(character: str) -> str:
    """Return `character`, escaped if it is invisible (controls, bidi marks, …)."""
    if unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Cn", "Co"}:
        return _unicode_escape(character)
    return character


def _unicode_escape(character: str) -> str:
    """Return the escape that HCL and YAML share."""
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _refuse(text: str, where: str, *, forbidden: str = "") -> None:
    """Raise :class:`EdgebakeError` if `text` contains a `forbidden` character, or half of a surrogate pair."""
    if text.isascii() and (not forbidden or set(forbidden).isdisjoint(text)):
        return
    invalid = next((character for character in text if character in forbidden or _is_surrogate(character)), None)
    if invalid is not None:
        raise EdgebakeError(f"{_shown(text)} cannot be written in {where}: it contains {_named(invalid)}")


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def _named(character: str) -> str:
    names = {"\n": "a line feed", "\0": "a NUL character"}
    return names.get(character, f"U+{ord(character):04X}, which is not a character")


def _shown(text: str) -> str:
    """Return `text` for a message: ASCII, quoted and short."""
    return ascii(text if len(text) <= 60 else text[:57] + "...")
