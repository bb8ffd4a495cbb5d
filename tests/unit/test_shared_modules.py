"""Packages that install the same module, and those that only look like it."""

from __future__ import annotations

import pytest

from edgebake.lock.shared_modules import shared_modules
from edgebake.lock.wheel_files import WheelContents

Files = dict[str, str]


def told(**packages: Files) -> list[str]:
    """Return what packages share; files with equal text are equal."""
    contents = {
        name: WheelContents({path: (hash(text), len(text)) for path, text in files.items()}, "")
        for name, files in packages.items()
    }
    found = shared_modules(contents, lambda package, path: packages[package][path])
    return [f"{one.name} of {' and '.join(one.packages)}: {one.path}" for one in found]


def test_three_packages_with_one_module() -> None:
    assert told(
        a={"cv2/__init__.py": "same", "cv2/cv2.abi3.so": "1"},
        b={"cv2/__init__.py": "same", "cv2/cv2.abi3.so": "2"},
        c={"cv2/__init__.py": "same", "cv2/cv2.abi3.so": "3", "other.py": ""},
    ) == ["the module 'cv2' of a and b and c: cv2/cv2.abi3.so"]


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        ({"x.py": "1"}, {"x.py": "2"}, "x.py"),
        ({"x.py": "1"}, {"x/__init__.py": "2"}, "x.py"),
        ({"x.cpython-311-aarch64-linux-gnu.so": ""}, {"x.py": ""}, "x.cpython-311-aarch64-linux-gnu.so"),
        ({"x.abi3.so": ""}, {"x/__init__.py": ""}, "x.abi3.so"),
        ({"x/__init__.py": "import os"}, {"x/__init__.py": "import sys"}, "x/__init__.py"),
        ({"x/sub/a.json": "1"}, {"x/sub/a.json": "2"}, "x/sub/a.json"),
    ],
)
def test_one_module_of_two_packages(one: Files, other: Files, path: str) -> None:
    assert told(a=one, b=other) == [f"the module 'x' of a and b: {path}"]


def test_programs_and_data() -> None:
    assert told(a={"bin/tool": "1"}, b={"bin/tool": "1"}) == ["the program 'tool' of a and b: bin/tool"]
    assert told(a={"../data/etc/x.json": "1"}, b={"../data/etc/x.json": "2"}) == [
        "the file 'etc/x.json' of a and b: ../data/etc/x.json"
    ]


PKGUTIL = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)"
RESOURCES = "__import__('pkg_resources').declare_namespace(__name__)"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"google/__init__.py": PKGUTIL}, {"google/__init__.py": RESOURCES}),
        ({"x/__init__.py": ""}, {"x/__init__.py": "# a licence\n'''words'''\n"}),
        ({"x/__init__.py": "import os", "x/a.py": ""}, {"x/__init__.py": "import os", "x/b.py": ""}),  # equal
        ({"x/a.py": "1"}, {"x/b.py": "2"}),  # a namespace without a mark
        ({"x/__init__.py": "import os"}, {"x/plugins/b.py": ""}),  # one adds to the other
        ({"LICENSE": "MIT"}, {"LICENSE": "BSD"}),
        ({"tests/__init__.py": "1", "tests/test_a.py": "1"}, {"tests/__init__.py": "2", "tests/test_a.py": "2"}),
        ({"tests/__init__.py": ""}, {"tests.py": ""}),
        ({"a-1.dist-info/METADATA": "1"}, {"b-1.dist-info/METADATA": "2"}),
    ],
)
def test_what_packages_may_share(one: Files, other: Files) -> None:
    assert told(a=one, b=other) == []
