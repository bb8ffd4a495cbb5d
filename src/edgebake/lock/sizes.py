"""The sizes of files that an index does not report: their servers are asked."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path
from urllib.request import Request, urlopen

from edgebake.lock.logins import Logins
from edgebake.model.lock import LockedFile, LockedPackage

_TIMEOUT = 30  # seconds


def with_sizes(
    packages: Iterable[LockedPackage], ca_bundle: Path | None, logins_file: Path | None
) -> tuple[LockedPackage, ...]:
    """Return packages with the sizes of their files, as far as their servers report them.

    Args:
        packages: the packages.
        ca_bundle: further certificates to trust.
        logins_file: a netrc file; None for the user's own.
    """
    packages = tuple(packages)
    if all(file.size is not None for package in packages for file in package.files):
        return packages
    trusted = ssl.create_default_context()
    if ca_bundle is not None:
        trusted.load_verify_locations(ca_bundle)
    logins = Logins(logins_file)
    return tuple(
        package.model_copy(
            update={
                "wheels": tuple(_sized(file, trusted, logins) for file in package.wheels),
                "archive": _sized(package.archive, trusted, logins) if package.archive else None,
            }
        )
        for package in packages
    )


def _sized(file: LockedFile, trusted: ssl.SSLContext, logins: Logins) -> LockedFile:
    """Return a file with its size; as it is if its server does not report it."""
    if file.size is not None or file.url is None:
        return file
    request = Request(file.url, method="HEAD", headers={"Accept-Encoding": "identity"})
    for name, value in logins.headers(file.url).items():
        request.add_unredirected_header(name, value)  # never for another server
    try:
        with urlopen(request, timeout=_TIMEOUT, context=trusted) as response:
            length = response.headers["Content-Length"]
    except (OSError, ValueError):
        return file
    return file.model_copy(update={"size": int(length)}) if length and length.isdigit() else file
