"""Checks that the Python packages of an image fit together, from their metadata: on whatever machine builds.

Needs: TARGETARCH and PYTHON_VERSION (major.minor) of the image, whose files are below /run/eb/image. Runs on the
build platform's Python, 3.6 or newer, with pip's own copy of packaging. What apt has installed counts as there, and
is not checked: apt does that.
"""

import os
import sys
from email.parser import HeaderParser
from pathlib import Path

try:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion, Version
except ImportError:  # an image's tools have pip, and no packaging of its own
    from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
    from pip._vendor.packaging.utils import canonicalize_name
    from pip._vendor.packaging.version import InvalidVersion, Version

ROOT = Path("/run/eb/image")
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def problems(metadata, provided, python, machine, extras=None):
    """Return what does not fit, a sentence each.

    Args:
        metadata: the texts of the packages' METADATA.
        provided: versions of further packages by name, which are there and not checked.
        python: the Python of the image, major.minor.
        machine: its machine, as `platform.machine()` has it.
        extras: those that are asked for from outside, by package.
    """
    packages = dict(map(read, metadata))
    versions = {**provided, **{name: version for name, (version, _) in packages.items()}}
    extras = {name: {"", *map(canonicalize_name, (extras or {}).get(name, ()))} for name in packages}
    environments = environments_of(python, machine)
    found = set()
    todo = sorted(packages)
    while todo:
        name = todo.pop()
        for text in packages[name][1]:
            requirement = requirement_of(text)
            if requirement is None or not applies(requirement, extras[name], environments):
                continue
            needed = str(canonicalize_name(requirement.name))
            problem = problem_with(requirement, versions.get(needed))
            if problem:
                found.add(f"{name} {versions[name]} needs {plain(requirement)}, and {problem}")
            wanted = {str(canonicalize_name(extra)) for extra in requirement.extras}
            if needed in packages and not wanted <= extras[needed]:
                extras[needed] |= wanted
                todo.append(needed)
    return sorted(found)


def read(text):
    """Return a package's name, with its version and what it needs."""
    headers = HeaderParser().parsestr(text)
    return str(canonicalize_name(headers["Name"])), (headers["Version"], headers.get_all("Requires-Dist") or [])


def environments_of(python, machine):
    """Return the environments in which markers are evaluated: the first and a late release of the image's Python.

    The image's own is between these. A requirement counts if it applies to both.
    """
    facts = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_version": python,
        "sys_platform": "linux",
    }
    releases = [f"{python}.{patch}" for patch in (0, 99)]
    return [dict(facts, python_full_version=release, implementation_version=release) for release in releases]


def requirement_of(text):
    """Return a requirement; None if it is not one, which pip ignores too."""
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def applies(requirement, extras, environments):
    """Tell whether a requirement applies, with one of the extras that are asked for."""
    if requirement.marker is None:
        return True
    return any(all(requirement.marker.evaluate(dict(one, extra=extra)) for one in environments) for extra in extras)


def problem_with(requirement, version):
    """Return why a package of a version does not meet a requirement; "" if it does."""
    if version is None:
        return "it is not there"
    try:
        fits = requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        fits = requirement.specifier.contains(version, prereleases=True)
    return "" if fits else f"version {version} is there"


def plain(requirement):
    """Return a requirement without its marker and address."""
    extras = "[{}]".format(",".join(sorted(requirement.extras))) if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


def folders(python):
    """Return the folders of packages: those that are checked, and those that the system has below them."""
    lib = f"lib/python{python}"
    system = [f"usr/local/{lib}/dist-packages", "usr/lib/python3/dist-packages"]
    system += [f"usr/{lib}/dist-packages"]
    own = [f"usr/local/{lib}/site-packages"]
    try:
        settings = (ROOT / "opt/venv/pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return [*own, system[0]], system[1:]
    sees_system = "include-system-site-packages = true" in settings
    return [f"opt/venv/{lib}/site-packages"], system if sees_system else []


def texts(paths, folder, pattern):
    """Yield the metadata of the packages in folders; of those in several, that of the first."""
    for path in paths:
        for info in sorted((ROOT / path).glob(folder)):
            for file in (info / pattern, info):
                if file.is_file():
                    yield file.read_text(encoding="utf-8", errors="replace")
                    break


def main():
    """Check the image, and say what does not fit."""
    python, machine = os.environ["PYTHON_VERSION"], MACHINES[os.environ["TARGETARCH"]]
    own, system = folders(python)
    provided = {}
    for folder, name in (("*.dist-info", "METADATA"), ("*.egg-info", "PKG-INFO")):
        for text in texts(system, folder, name):
            package, (version, _) = read(text)
            provided.setdefault(package, version)
    found = problems(list(texts(own, "*.dist-info", "METADATA")), provided, python, machine)
    if found:
        sys.exit("The Python packages do not fit together:\n  " + "\n  ".join(found))


if __name__ == "__main__":
    main()
