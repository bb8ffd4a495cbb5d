"""Checks that Python finds its libraries and headers where it is, and computes, compresses and hashes."""

import ctypes
import hashlib
import lzma
import os
import sqlite3
import ssl
import subprocess
import sys
import sysconfig
from pathlib import Path

assert sys.base_prefix == "/opt/python", f"Python is in {sys.base_prefix}"
assert sys.version_info[:2] == tuple(map(int, os.environ["PYTHON_VERSION"].split(".")))
assert lzma.decompress(lzma.compress(b"edge" * 1000)) == b"edge" * 1000
assert hashlib.sha256(b"").hexdigest().startswith("e3b0c44298fc1c14")
assert sqlite3.connect(":memory:").execute("select sum(value) from json_each('[40, 2]')").fetchone() == (42,)
assert ssl.create_default_context().minimum_version >= ssl.TLSVersion.TLSv1_2
assert ctypes.CDLL(None).abs(-42) == 42

header = Path(sysconfig.get_paths()["include"], "Python.h")
assert header.is_file(), f"there is no {header}"
for name in ("CC", "CXX", "LDSHARED"):
    compiler = str(sysconfig.get_config_var(name)).split()[0]
    assert "clang" not in compiler, f"{name} is {compiler}, which build-essential does not bring"
code = "import encodings; print(encodings.__spec__.cached)"
cached = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
assert Path(cached).is_file(), f"there is no {cached}"
print(f"Python {sys.version.split()[0]} in {sys.base_prefix}, compiled by {sys.version.split('[')[-1].rstrip(']')}")
