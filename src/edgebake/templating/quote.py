"""Quoting: one function for each output language, so that untrusted text stays text.

Every function takes the text as it is meant and returns the characters to put into the generated file,
delimiters included. What a language cannot hold raises :class:`EdgebakeError`; nothing is changed silently.

Where the rules come from:

* HCL and bake's JSON: hashicorp/hcl ``hclsyntax/spec.md`` (quoted templates) and ``json/spec.md``;
  zclconf/go-cty normalises every string to NFC. Tried on bake: ``tests/integration/test_quote_bake.py``.
* Dockerfile: moby/buildkit ``frontend/dockerfile/parser`` (lines, words, JSON form) and
  ``frontend/dockerfile/shell/lex.go`` (expansion). COPY sources pass three matchers: :func:`_glob_literal`.
  Tried on a real engine: ``tests/e2e/test_quote_dockerfile.py``.
* Shell: POSIX through :func:`shlex.quote`. YAML: https://yaml.org/spec/1.2.2/#57-escaped-characters.
* Compose: https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md. Tried on Compose itself:
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

# What stands for itself between double quotes in all of these languages: printable ASCII without " $ % and \\.
# Most text is of this kind, and spared the rules below.
_PLAIN = re.compile(r"[ !#&-\[\]-~]*")

# ── HCL ──────────────────────────────────────────────────────────────────────────────────────────────────


def hcl_string(text: str) -> str:
    """Return `text` as a double-quoted HCL literal in which nothing is interpolated.

    Raises:
        EdgebakeError: `text` is not NFC-normalised (bake would change it), or not Unicode.
    """
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    _refuse_unstable_in_bake(text)
    return f'"{_hcl_literal(text)}"'


def hcl_template(text: str, variables: Collection[str]) -> str:
    """Return `text` as a double-quoted HCL template in which only ``${NAME}`` of `variables` stay live.

    ``"${TAG}-jp6"`` keeps TAG live if `variables` holds it; any other ``${…}`` or ``%{…}`` is plain text.
    There is no escape for a live name: ``$${TAG}`` is a dollar sign followed by the value.

    Raises:
        EdgebakeError: as :func:`hcl_string`.
    """
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    _refuse_unstable_in_bake(text)
    return f'"{_template(text, variables, _hcl_literal)}"'


def json_string(text: str) -> str:
    """Return `text` as a string for docker-bake.json, where bake interpolates just as in HCL.

    Raises:
        EdgebakeError: as :func:`hcl_string`.
    """
    _refuse_unstable_in_bake(text)
    return json.dumps(_json_literal(text))


def json_template(text: str, variables: Collection[str]) -> str:
    """Return `text` as a string for docker-bake.json in which only ``${NAME}`` of `variables` stay live.

    Raises:
        EdgebakeError: as :func:`hcl_string`.
    """
    _refuse_unstable_in_bake(text)
    return json.dumps(_template(text, variables, _json_literal))


_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_-]*)\}")
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def _template(text: str, variables: Collection[str], literal: Callable[[str], str]) -> str:
    """Return `text` with live references kept, and everything between them passed through `literal`."""
    parts: list[str] = []
    for before, reference in _split_references(text, variables):
        plain = before.rstrip("$") if reference else before
        parts.append(literal(plain))
        if plain != before:
            # "$" right before "${NAME}" would read as the escape "$${": give it as an expression of its own.
            parts.append(f'${{"{before[len(plain) :]}"}}')
        parts.append(reference)
    return "".join(parts)


def _split_references(text: str, variables: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield (plain text, the live reference that follows it); the last reference is empty."""
    start = 0
    for match in _REFERENCE.finditer(text):
        if match[1] in variables:
            yield text[start : match.start()], match[0]
            start = match.end()
    yield text[start:], ""


_NOT_PLAIN = re.compile(r"[^ !#-\[\]-~]")


def _hcl_literal(text: str) -> str:
    return _without_markers(_NOT_PLAIN.sub(lambda found: _hcl_character(found[0]), text))


def _hcl_character(character: str) -> str:
    return _SHORT_ESCAPES.get(character) or _visible(character)


def _json_literal(text: str) -> str:
    """Return `text` for within a JSON string: a bare template, whose only escapes are the doubled markers."""
    # HCL's scanner drops a byte order mark at the start, and takes all after a lone CR for plain text.
    if "\r" in text or "\ufeff" in text:
        return f'${{"{_hcl_literal(text)}"}}'
    return _without_markers(text)


def _without_markers(text: str) -> str:
    """Return `text` with the openings of interpolations and directives doubled, which makes them plain."""
    return text.replace("${", "$${").replace("%{", "%%{")


def _refuse_unstable_in_bake(text: str) -> None:
    _refuse(text, "a bake file")
    if not unicodedata.is_normalized("NFC", text):
        raise EdgebakeError(
            f"{_shown(text)} cannot be written in a bake file",
            reason="Bake turns every string into Unicode's composed form (NFC), and this one is not in it.",
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
    """Return `text` double-quoted for the value (or key) of ``KEY="value"`` in ENV, LABEL and ARG.

    No variable is expanded in it.

    Raises:
        EdgebakeError: `text` holds a line feed or NUL, which no Dockerfile word can, or is not Unicode.
    """
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    _refuse(text, "an ENV, LABEL or ARG value", forbidden="\n\0")
    return '"' + text.translate(_ESCAPED_IN_A_WORD) + '"'


def copy_words(sources: Sequence[str], dest: str) -> str:
    """Return the words after ``COPY`` (and its flags): plain words where they do, else the JSON form.

    Every source is one path, taken literally: wildcards, variables, URLs and heredoc markers are text.
    Two things are BuildKit's: a missing source with an odd name is an empty copy, not an error (it has become a
    pattern), and a source *through* a symbolic link with an odd name is not found. Check paths beforehand.

    Raises:
        EdgebakeError: no source; an empty path; several sources and a `dest` without a final slash (BuildKit
            refuses that); NUL, or not Unicode.
    """
    if not sources or "" in sources or not dest:
        raise EdgebakeError("COPY needs at least one source and a destination, none of them empty")
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

    BuildKit expands no variables in it (only COPY's words are expanded; :func:`copy_words` sees to that).
    The result is ASCII, so no editor or locale can damage it.

    Raises:
        EdgebakeError: a word holds NUL, which no process can be given, or is not Unicode.
    """
    for word in argv:
        _refuse(word, "a command", forbidden="\0")
    return json.dumps(list(argv))


def _is_plain_start(path: str) -> bool:
    """Say whether BuildKit sees nothing but a path in `path`: no URL, git reference or heredoc marker."""
    return _PLAIN_COPY_START.match(path) is not None


def _rooted(path: str) -> str:
    """Return `path` with "./" before it where its beginning could be taken for something else than a path."""
    return path if _is_plain_start(path) else f"./{path}"


def _glob_literal(path: str) -> str:
    r"""Return a pattern that matches `path` alone, for each of the three matchers that a COPY source passes.

    The client's filter (fsutil's followlinks.go and filter.go over moby/patternmatcher) and the copy itself
    (fsutil's copy.go) read a source differently. The copy takes ``a\*b`` as a name with a backslash, as it
    has no wildcard. The filter spoils ``[*]``, trims spaces at the ends, and takes a leading ``!`` as an
    exception. An escape inside a class, ``[\*]``, is what all of them read as one literal character.
    """
    return _GLOB_SPECIAL.sub(lambda match: _one_character_class(match[0]), path)


def _one_character_class(character: str) -> str:
    # RE2 (in patternmatcher) accepts a backslash before ASCII punctuation only.
    return f"[\\{character}]" if character in "*?[\\^" else f"[{character}]"


def _unexpanded(word: str) -> str:
    """Return `word` so that BuildKit's word expansion (which JSON form gets too) gives it back unchanged."""
    return re.sub(r"""([\\"'$])""", r"\\\1", word)


# ── Shell and YAML ───────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=8192)
def shell_word(text: str) -> str:
    """Return `text` as one word for any POSIX shell, in a RUN line or a generated script.

    A line feed is refused rather than written as ``$'\\n'``: a RUN line cannot hold a raw one, and not every
    shell that a base image may have knows ``$'…'`` (dash prints it as it stands). Several lines belong in a
    file.

    Raises:
        EdgebakeError: `text` holds a line feed or NUL, or is not Unicode.
    """
    _refuse(text, "a shell command", forbidden="\n\0")
    return shlex.quote(text)


def yaml_string(text: str) -> str:
    """Return `text` as a double-quoted YAML scalar in ASCII.

    GitHub Actions expands ``${{ … }}`` after reading the YAML; quoting cannot prevent that.

    Raises:
        EdgebakeError: `text` is not Unicode.
    """
    _refuse(text, "a YAML file")
    return '"' + "".join(_yaml_character(character) for character in text) + '"'


def _yaml_character(character: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    # Not JSON's surrogate pairs: PyYAML reads those as two characters.
    return character if " " <= character <= "~" else _unicode_escape(character)


def compose_string(text: str) -> str:
    """Return `text` as a YAML scalar for a Compose file, in which nothing is interpolated: each ``$`` is doubled.

    Keys are not interpolated: they take :func:`yaml_string`.
    https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md

    Raises:
        EdgebakeError: `text` is not Unicode.
    """
    return yaml_string(text.replace("$", "$$"))


def compose_template(text: str, defaults: Mapping[str, str]) -> str:
    """Return `text` as :func:`compose_string` does, in which ``${NAME}`` of `defaults` stay live.

    A variable that is unset or empty where the services start takes its default; without one, starting is refused.

    Raises:
        EdgebakeError: `text` is not Unicode, or a default cannot stand in a Compose file.
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
            reason="Compose has no way to write a brace or a dollar sign in a default.",
        )
    return f"${{{name}:-{defaults[name]}}}" if defaults[name] else f"${{{name}:?it has no default}}"


# ── Shared ───────────────────────────────────────────────────────────────────────────────────────────────


def _visible(character: str) -> str:
    """Return `character`, escaped if a reader of the file would not see it (controls, bidi marks, …)."""
    if unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Cn", "Co"}:
        return _unicode_escape(character)
    return character


def _unicode_escape(character: str) -> str:
    """Return the escape that HCL and YAML share."""
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _refuse(text: str, where: str, *, forbidden: str = "") -> None:
    """Raise :class:`EdgebakeError` if `text` holds a `forbidden` character, or half of a surrogate pair."""
    if text.isascii() and (not forbidden or set(forbidden).isdisjoint(text)):
        return
    bad = next((character for character in text if character in forbidden or _is_surrogate(character)), None)
    if bad is not None:
        raise EdgebakeError(f"{_shown(text)} cannot be written in {where}: it holds {_named(bad)}")


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def _named(character: str) -> str:
    names = {"\n": "a line feed", "\0": "a NUL character"}
    return names.get(character, f"U+{ord(character):04X}, which is not a character")


def _shown(text: str) -> str:
    """Return `text` for a message: in ASCII, quoted, and short."""
    return ascii(text if len(text) <= 60 else text[:57] + "...")
