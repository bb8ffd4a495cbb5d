"""Atomic writes: other processes see the old file or the new one, never a part."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from edgebake.errors import EdgebakeError, Position
from edgebake.interrupt import raise_interrupt


def write_file(path: Path, content: bytes) -> bool:
    """Write a file atomically, and return whether its content changed. A missing folder is created.

    Raises:
        EdgebakeError: the file cannot be written.
    """
    raise_interrupt()
    try:
        if path.is_file() and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            mask = os.umask(0)
            os.umask(mask)
            Path(temporary).chmod(0o666 & ~mask)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise EdgebakeError(f"cannot write the file: {error.strerror}", at=Position(str(path))) from None
    return True
