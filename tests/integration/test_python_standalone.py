"""The build script of the recipe python-standalone, over an archive that is laid out as the real ones are."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

RECIPE = Path(__file__).parents[2] / "recipes" / "development" / "python-standalone"
LIB = "python/lib/python3.13"
# As in the builds: paths of where it was made, and the compiler that made it.
CONFIG = """build_time_vars = {'CC': 'clang -pthread', 'CXX': 'clang++ -pthread', 'prefix': '/install',
 'LIBDIR': '/install/lib', 'LDFLAGS': '-L/install/lib -Wl,-z', 'INCLUDEPY': '/install/include/python3.13',
 'INSTALL': '/usr/bin/install -c', 'CLANG_FLAGS': '', 'RUNSHARED': 'LD_LIBRARY_PATH=/install/lib'}
"""
FILES = {
    "python/bin/python3.13": "",
    "python/bin/pip3": "",
    "python/lib/pkgconfig/python-3.13.pc": "prefix=/install\nexec_prefix=${prefix}\n",
    f"{LIB}/_sysconfigdata__linux_x86_64-linux-gnu.py": CONFIG,
    f"{LIB}/config-3.13-x86_64-linux-gnu/Makefile": "CC=\t\tclang -pthread\nprefix=\t/install\nDIR=\t/install/lib\n",
    f"{LIB}/site-packages/pip/__init__.py": "__version__ = '25'\n",
    f"{LIB}/site-packages/pip-25.dist-info/METADATA": "Name: pip\n",
    f"{LIB}/test/test_os.py": "",
    f"{LIB}/os.py": "TEXT = '/install and clang stay in what is no note for compilers'\n",
}


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """Return $OUT after the build script ran."""
    source, out = tmp_path / "src", tmp_path / "out"
    for folder in (source, out):
        folder.mkdir()
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    with tarfile.open(source / "cpython-3.13.15%2B20260814-x86_64-unknown-linux-gnu.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "python", "python")
    environment = {**os.environ, "OUT": str(out), "PYTHON_VERSION": "3.13"}
    subprocess.run(["bash", RECIPE / "build.sh"], cwd=source, env=environment, check=True)
    return out


def test_pip_lies_where_other_stages_borrow_it_and_not_in_the_image(unpacked: Path) -> None:
    assert (unpacked / "pip/pip/__init__.py").read_text() == "__version__ = '25'\n"
    assert sorted(path.name for path in (unpacked / "opt/python/bin").iterdir()) == ["python3.13"]
    assert not list((unpacked / "opt" / LIB / "site-packages").iterdir())
    assert not (unpacked / "opt" / LIB / "test").exists()


def test_the_notes_for_compilers_name_the_images_paths_and_compiler(unpacked: Path) -> None:
    found = {}
    exec((unpacked / "opt" / LIB / "_sysconfigdata__linux_x86_64-linux-gnu.py").read_text(), found)
    assert found["build_time_vars"] == {
        "CC": "cc -pthread",
        "CXX": "c++ -pthread",
        "prefix": "/opt/python",
        "LIBDIR": "/opt/python/lib",
        "LDFLAGS": "-L/opt/python/lib -Wl,-z",
        "INCLUDEPY": "/opt/python/include/python3.13",
        "INSTALL": "/usr/bin/install -c",
        "CLANG_FLAGS": "",
        "RUNSHARED": "LD_LIBRARY_PATH=/opt/python/lib",
    }
    makefile = (unpacked / "opt" / LIB / "config-3.13-x86_64-linux-gnu/Makefile").read_text()
    assert makefile == "CC=\t\tcc -pthread\nprefix=\t/opt/python\nDIR=\t/opt/python/lib\n"
    assert (unpacked / "opt/python/lib/pkgconfig/python-3.13.pc").read_text().startswith("prefix=/opt/python\n")
    assert "/install and clang" in (unpacked / "opt" / LIB / "os.py").read_text()
