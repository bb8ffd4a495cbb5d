"""What recipes fetch, in their sources and in their scripts: git repositories, downloads, and package lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from edgebake.lint.finding import Finding, Rule
from edgebake.lint.scripts import Script, scripts_of
from edgebake.lint.shell import Command
from edgebake.lint.subject import Subject
from edgebake.load.catalogue import LoadedRecipe
from edgebake.model.recipe import additions_of

UNPINNED_GIT = Rule(
    "unpinned-git",
    "a git repository is taken at a branch or tag, which can change",
    "name the commit (40 hexadecimal digits), or pin the ref: edgebake lock",
)
UNPINNED_DOWNLOAD = Rule(
    "unpinned-download",
    "a file is downloaded without a checksum",
    "give the source its sha256, or the requirement's URL #sha256=…; in a script, check the file: "
    'echo "$SHA256  $file" | sha256sum --check',
)
PACKAGE_LISTS = Rule(
    "package-lists",
    "package lists stay in an image's layer",
    "install with install.apt, which keeps them in a cache; or end the script with: rm -rf /var/lib/apt/lists/*",
)

_URL_REQUIREMENT = re.compile(r"@\s*(?P<url>(?:https?|ftp)://(?:\{\{.*?\}\}|[^\s;])+)")
_URL_DIGEST = re.compile(r"[#&]sha(?:256|384|512)=[0-9a-f{]", re.IGNORECASE)
_COMMIT = re.compile(r"\b[0-9a-f]{40}\b")
_NAMES_COMMIT = re.compile(r"\$\{?\w*(?:COMMIT|SHA|REV)", re.IGNORECASE)
_LOCAL = re.compile(r"//(?:localhost|127\.|\[::1\]|0\.0\.0\.0)")
_DIGEST = re.compile(r"SHA(?:256|512):", re.IGNORECASE)
_DIGEST_TOOLS = frozenset({"sha256sum", "sha384sum", "sha512sum", "b2sum", "shasum", "gpgv", "minisign"})
_UNCHECKABLE = frozenset({"bash", "sh", "dash", "zsh", "tar", "python", "python3", "gpg", "apt-key", "tee"})
_ADD = re.compile(r"^ADD\s+(?P<options>(?:--\S+\s+)*)(?P<url>(?:https?|git)\S+)", re.MULTILINE)
_LISTS = "/var/lib/apt/lists"
_MOUNTED = re.compile(rf"--mount=\S*(?:target|dst|destination)={_LISTS}")


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what is found about the sources and scripts of recipes."""
    for loaded in subject.recipes:
        yield from _build_sources(subject, loaded)
        yield from _requirements(subject, loaded)
        for script in scripts_of(loaded, subject.workspace.root):
            if script.half != "test":  # tests run without a network
                yield from _downloads(script)
                yield from _clones(script)
                yield from _added(script)
            if script.half == "install":  # nothing of a build half's stage is shipped but its artifact
                yield from _lists(script)


# ── what recipes declare


def _build_sources(subject: Subject, loaded: LoadedRecipe) -> Iterator[Finding]:
    recipe = loaded.recipe
    for index, source in enumerate(recipe.build.sources if recipe.build else ()):
        place = ("build", "sources", index)
        if source.git and not source.commit and not _is_locked(subject, loaded, index):
            message = f"{source.git} is built from whatever {source.ref!r} names"
            yield UNPINNED_GIT.found(message, loaded.document.at((*place, "ref")), recipe=loaded.name)
        if source.url and not source.sha256:
            message = f"{source.url} is downloaded without a sha256"
            yield UNPINNED_DOWNLOAD.found(message, loaded.document.at((*place, "url")), recipe=loaded.name)


def _is_locked(subject: Subject, loaded: LoadedRecipe, index: int) -> bool:
    """Tell whether the project's lock pins a git source wherever it is used."""
    lock, views = subject.workspace.lock, subject.views(loaded.name)
    if lock is None or not views:
        return False
    place = ("build", "sources", index)
    for view in views:
        source = view.recipe.build.sources[index] if view.recipe.build else None
        if source is None or source.git is None or source.ref is None:
            return False
        url, ref = view.text(source.git, (*place, "git")), view.text(source.ref, (*place, "ref"))
        if lock.commit(url, ref) is None:
            return False
    return True


def _requirements(subject: Subject, loaded: LoadedRecipe) -> Iterator[Finding]:
    """Yield Python requirements by an address at which something else can lie tomorrow."""
    parts = [(("install",), loaded.recipe.install), *additions_of(subject.releases(loaded))]
    for location, part in parts:
        for index, text in enumerate(part.pip):
            at = loaded.document.at((*location, "pip", index))
            if "git+" in text:
                if not _COMMIT.search(text):
                    yield UNPINNED_GIT.found(f"{text!r} names no commit", at, recipe=loaded.name)
                continue
            file = _URL_REQUIREMENT.search(text)
            if file and not _LOCAL.search(file["url"]) and not _URL_DIGEST.search(file["url"]):
                message = f"{file['url']} is installed without a digest"
                yield UNPINNED_DOWNLOAD.found(message, at, recipe=loaded.name)


# ── what scripts do


def _downloads(script: Script) -> Iterator[Finding]:
    found = script.commands
    for index, command in enumerate(found):
        if _downloads_something(command) and not _is_checked(command, found[index + 1 :]):
            message = f"{command.program} downloads a file that is never checked"
            yield script.found(UNPINNED_DOWNLOAD, message, command.line, command.column)


def _downloads_something(command: Command) -> bool:
    if command.program == "apt-helper":
        return command.has("download-file")
    if command.program not in ("curl", "wget", "aria2c"):
        return False
    addresses = [word for word in command.arguments if "://" in word or word.startswith("$")]
    return any(not _LOCAL.search(address) for address in addresses)


def _is_checked(command: Command, following: Sequence[Command]) -> bool:
    """Tell whether a download's digest or signature is looked at, here or later in the script."""
    if any(_DIGEST.match(word) or word.startswith("--checksum") for word in command.arguments):
        return True
    if command.piped and following and _UNCHECKABLE & {following[0].program, *following[0].before}:
        return False  # it has run, or is unpacked, before anyone could look
    return any(_looks_at_digest(one) for one in following)


def _looks_at_digest(command: Command) -> bool:
    if command.program in _DIGEST_TOOLS:
        return True
    words = {"gpg": ("--verify",), "cosign": ("verify", "verify-blob"), "openssl": ("dgst",)}
    return command.has(*words.get(command.program, ()))


def _clones(script: Script) -> Iterator[Finding]:
    found = script.commands
    for index, command in enumerate(found):
        following = (one for one in found[index:] if one.program == "git")
        is_pinned = any(_has_commit(word) for one in following for word in one.arguments)
        if command.program == "git" and command.has("clone") and not is_pinned:
            message = "git clone takes whatever the branch or tag names"
            yield script.found(UNPINNED_GIT, message, command.line, command.column)
        if command.program in ("pip", "pip3", "python", "python3", "uv") and command.has("install"):
            loose = [word for word in command.arguments if "git+" in word and not _has_commit(word)]
            if loose:
                message = f"pip installs {loose[0]!r}, which names no commit"
                yield script.found(UNPINNED_GIT, message, command.line, command.column)


def _has_commit(word: str) -> bool:
    return bool(_COMMIT.search(word) or _NAMES_COMMIT.search(word))


def _added(script: Script) -> Iterator[Finding]:
    """Yield what ADD instructions of a template fetch without a digest or commit."""
    if not script.is_template:
        return
    for match in _ADD.finditer(script.text):
        if "--checksum=" in match["options"] or _has_commit(match["url"]):
            continue
        rule = UNPINNED_GIT if ".git" in match["url"] else UNPINNED_DOWNLOAD
        line = script.text.count("\n", 0, match.start()) + 1
        yield script.found(rule, f"ADD fetches {match['url']} as it is that day", line)


def _lists(script: Script) -> Iterator[Finding]:
    """Yield the first command of an install script that leaves package lists behind."""
    updates = [c for c in script.commands if c.program in ("apt-get", "apt", "aptitude") and c.has("update")]
    cleans = any(c.program in ("rm", "find") and any(_LISTS in w for w in c.arguments) for c in script.commands)
    if updates and not cleans and not _MOUNTED.search(script.text):
        first = updates[0]
        message = f"{first.program} update leaves its package lists in the layer"
        yield script.found(PACKAGE_LISTS, message, first.line, first.column)
