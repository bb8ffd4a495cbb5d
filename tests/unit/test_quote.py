"""Quoting, as far as pure Python, bash and PyYAML can judge it; bake and the engine judge the rest."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebake.errors import EdgebakeError
from edgebake.templating.quote import (
    copy_words,
    dockerfile_word,
    exec_form,
    hcl_string,
    hcl_template,
    json_string,
    json_template,
    shell_word,
    yaml_string,
)

AWKWARD = [*"\"'\\$%{}~`!*?[]<>#&;|() \t\ra1é\u2028\ufeff\x85😀", "${TAG}", "$$", "%{"]
CHARACTERS = st.one_of(st.sampled_from(AWKWARD), st.characters(exclude_characters="\0", codec="utf-8"))
TEXTS = st.lists(CHARACTERS, max_size=20).map("".join)
ONE_LINE = TEXTS.map(lambda text: text.replace("\n", "↵"))


class TestHcl:
    @pytest.mark.parametrize(
        ("text", "quoted"),
        [
            ("plain", '"plain"'),
            ("", '""'),
            ('say "hi"', r'"say \"hi\""'),
            ("C:\\dir", r'"C:\\dir"'),
            ("a\nb\tc\rd", r'"a\nb\tc\rd"'),
            ("${HOME}", '"$${HOME}"'),
            ("%{if}", '"%%{if}"'),
            ("$HOME 100%", '"$HOME 100%"'),
            ("\x01\x7f", r'"\u0001\u007f"'),
            ("é 😀", '"é 😀"'),
            ("a\u202eb", r'"a\u202eb"'),
            ("\U000e0001", r'"\U000e0001"'),
        ],
    )
    def test_literal(self, text: str, quoted: str) -> None:
        assert hcl_string(text) == quoted

    @pytest.mark.parametrize(
        ("text", "quoted"),
        [
            ("${TAG}-jp6", '"${TAG}-jp6"'),
            ("${REGISTRY}/app:${TAG}", '"${REGISTRY}/app:${TAG}"'),
            ("${OTHER}-${TAG}", '"$${OTHER}-${TAG}"'),
            ("${ TAG }", '"$${ TAG }"'),
            ("${TAG.x}", '"$${TAG.x}"'),
            ('${upper("a")}', r'"$${upper(\"a\")}"'),
            ("$${TAG}", '"${"$"}${TAG}"'),
            ("a$$${TAG}", '"a${"$$"}${TAG}"'),
            ("%${TAG}%{", '"%${TAG}%%{"'),
            ("${TAG", '"$${TAG"'),
            ("TAG", '"TAG"'),
        ],
    )
    def test_template_keeps_known_references_live(self, text: str, quoted: str) -> None:
        assert hcl_template(text, {"TAG", "REGISTRY"}) == quoted

    @given(TEXTS)
    def test_a_template_without_variables_is_a_literal(self, text: str) -> None:
        try:
            expected = hcl_string(text)
        except EdgebakeError:
            return
        assert hcl_template(text, ()) == expected

    @given(TEXTS)
    def test_a_literal_stays_on_one_line_and_opens_nothing(self, text: str) -> None:
        try:
            inside = hcl_string(text)[1:-1]
        except EdgebakeError:
            return
        assert inside.splitlines() in ([], [inside])
        assert "${" not in inside.replace("$${", "")
        assert "%{" not in inside.replace("%%{", "")

    @pytest.mark.parametrize("quote", [hcl_string, json_string])
    def test_text_that_bake_would_change_is_refused(self, quote: object) -> None:
        assert callable(quote)
        with pytest.raises(EdgebakeError, match=r"cannot be written in a bake file") as caught:
            quote("e\u0301")
        assert caught.value.hints == (r"write '\xe9', or keep the exact bytes in a file",)


class TestBakeJson:
    @pytest.mark.parametrize(
        ("text", "quoted"),
        [
            ("plain", '"plain"'),
            ("${HOME} %{if}", '"$${HOME} %%{if}"'),
            ('a"b\n', r'"a\"b\n"'),
            ("é", r'"\u00e9"'),
        ],
    )
    def test_literal(self, text: str, quoted: str) -> None:
        assert json_string(text) == quoted

    def test_template_keeps_known_references_live(self) -> None:
        assert json_template("${TAG}-${X}", {"TAG"}) == '"${TAG}-$${X}"'
        assert json_template("$${TAG}", {"TAG"}) == r'"${\"$\"}${TAG}"'

    @pytest.mark.parametrize("text", ["\rx", "a\rb", "\ufeffx"])
    def test_what_the_scanner_loses_goes_into_an_expression(self, text: str) -> None:
        assert json.loads(json_string(text)) == f"${{{hcl_string(text)}}}"

    @given(TEXTS)
    def test_is_ascii_json(self, text: str) -> None:
        try:
            quoted = json_string(text)
        except EdgebakeError:
            return
        assert quoted.isascii()
        assert isinstance(json.loads(quoted), str)


class TestDockerfile:
    @pytest.mark.parametrize(
        ("text", "quoted"),
        [
            ("", '""'),
            ("a b", '"a b"'),
            ('$HOME "x" \\', r'"\$HOME \"x\" \\"'),
            ("it's", '"it\'s"'),
            ("#no comment", '"#no comment"'),
        ],
    )
    def test_word(self, text: str, quoted: str) -> None:
        assert dockerfile_word(text) == quoted

    @pytest.mark.parametrize(("text", "name"), [("a\nb", "a line feed"), ("a\0b", "a NUL character")])
    def test_word_says_what_it_cannot_hold(self, text: str, name: str) -> None:
        with pytest.raises(EdgebakeError, match=f"in an ENV, LABEL or ARG value: it contains {name}"):
            dockerfile_word(text)

    @given(st.lists(TEXTS))
    def test_exec_form_is_ascii_json_of_the_words(self, argv: list[str]) -> None:
        quoted = exec_form(argv)
        assert json.loads(quoted) == argv
        assert quoted.isascii()
        assert "\n" not in quoted

    def test_exec_form_refuses_nul(self) -> None:
        with pytest.raises(EdgebakeError, match="a command: it contains a NUL"):
            exec_form(["a", "b\0"])

    @pytest.mark.parametrize(
        ("sources", "dest", "words"),
        [
            (["app"], "/srv/app", "app /srv/app"),
            (["a.txt", "b/c.txt"], "/srv/", "a.txt b/c.txt /srv/"),
            (["."], ".", ". ."),
            (["/out"], "/", "/out /"),
            (["@scope/pkg"], "/x", '["./@scope/pkg", "/x"]'),
            (["my file"], "/x", '["./my file", "/x"]'),
            (["a*b?[c"], "/x", r'["./a[\\\\*]b[\\\\?][\\\\[]c", "/x"]'),
            (["dir/a*"], "/$x", r'["dir/a[\\\\*]", "/\\$x"]'),
            (["!keep"], "/x", '["./[!]keep", "/x"]'),
            (["trail "], "/x", '["./trail[ ]", "/x"]'),
            (["<<EOF"], "<<EOF", '["./<<EOF", "./<<EOF"]'),
            (["http://x/y"], "/x", '["./http://x/y", "/x"]'),
            (["git@host:x"], "/x", '["./git@host:x", "/x"]'),
            (["github.com/a/b"], "/x", '["./github.com/a/b", "/x"]'),
            (["--from=a"], "/x", '["./--from=a", "/x"]'),
            (["-"], "/x", '["-", "/x"]'),
        ],
    )
    def test_copy_words(self, sources: list[str], dest: str, words: str) -> None:
        assert copy_words(sources, dest) == words

    @given(st.lists(TEXTS.filter(bool), min_size=1), TEXTS)
    def test_copy_words_are_plain_or_json(self, sources: list[str], dest: str) -> None:
        words = copy_words(sources, f"{dest}/")
        assert words.isascii()
        assert "\n" not in words
        count = len(json.loads(words)) if words.startswith("[") else len(words.split(" "))
        assert count == len(sources) + 1

    @pytest.mark.parametrize(("sources", "dest"), [([], "/x"), ([""], "/x"), (["a"], ""), (["a", "b"], "/x")])
    def test_copy_needs_sources_and_a_fitting_destination(self, sources: list[str], dest: str) -> None:
        with pytest.raises(EdgebakeError, match=r"^COPY "):
            copy_words(sources, dest)


class TestShell:
    @settings(max_examples=20, deadline=None)
    @given(st.lists(ONE_LINE, min_size=30, max_size=60))
    def test_bash_gives_every_word_back(self, texts: list[str]) -> None:
        script = "printf '%s\\0' x " + " ".join(map(shell_word, texts))
        done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
        assert done.stdout.decode() == "".join(f"{text}\0" for text in ["x", *texts])

    @pytest.mark.parametrize("text", ["a\nb", "a\0b"])
    def test_line_feed_and_nul_are_refused(self, text: str) -> None:
        with pytest.raises(EdgebakeError, match="cannot be written in a shell command"):
            shell_word(text)


class TestYaml:
    @given(st.lists(CHARACTERS | st.just("\0"), max_size=20).map("".join))
    def test_round_trip(self, text: str) -> None:
        quoted = yaml_string(text)
        assert yaml.safe_load(quoted) == text
        assert yaml.safe_load(f"a:\n  - {quoted} # end\n") == {"a": [text]}
        assert quoted.isascii()
        assert quoted.isprintable()

    def test_astral_characters_are_one_escape(self) -> None:
        assert yaml_string("😀") == r'"\U0001f600"'


@pytest.mark.parametrize(
    "quote", [hcl_string, json_string, dockerfile_word, shell_word, yaml_string, lambda text: exec_form([text])]
)
def test_half_a_surrogate_pair_is_refused_everywhere(quote: object) -> None:
    assert callable(quote)
    with pytest.raises(EdgebakeError, match=r"contains U\+DC80, which is not a character"):
        quote("a\udc80")
