"""Checks that `python3` is the environment's, has the target's version, and computes and compresses rightly."""

import os
import sqlite3
import ssl
import sys
import zlib
from pathlib import Path

found = "{}.{}".format(*sys.version_info[:2])
assert found == os.environ["PYTHON_VERSION"], f"Python {found}, not {os.environ['PYTHON_VERSION']}"
assert sys.prefix == "/opt/venv", f"sys.prefix is {sys.prefix}, not /opt/venv"
home = "/opt/python" if Path("/opt/python").is_dir() else "/usr"
assert sys.base_prefix == home, f"the environment's Python is in {sys.base_prefix}, not {home}"
assert zlib.crc32(b"123456789") == 0xCBF43926
assert sqlite3.connect(":memory:").execute("select 6 * 7").fetchone() == (42,)
assert ssl.OPENSSL_VERSION_INFO >= (1, 1, 1), ssl.OPENSSL_VERSION
print(f"python: {sys.version.split()[0]} in {sys.prefix}")
