"""Which failures are transient, and which step is to blame: by messages, some of them shortened."""

from __future__ import annotations

import base64
import json

import pytest

from edgebake.execute.events import EventReader
from edgebake.execute.failures import Failure, failures_of, is_transient, is_transient_step, unexplained

SOLVE = "failed to solve: "
STATUS = "failed to receive status: rpc error: code = Unavailable desc = "
EXIT = 'process "/bin/bash -c …" did not complete successfully: exit code: '

# What Buildx, BuildKit and registries say: the form of what was met (marked *), of what stands in the thread that is
# named, or else of what the programs' sources print.
PASSING = {
    "* registry down": SOLVE + "failed to push localhost:5999/x:1: failed to do request: Head "
    '"http://localhost:5999/v2/x/blobs/sha256:00": dial tcp [::1]:5999: connect: connection refused',
    "* engine killed": SOLVE + "Unavailable: error reading from server: EOF",
    "* engine not up yet": "Cannot connect to the Docker daemon at unix:///tmp/d.sock. Is the docker daemon running?",
    "docker/buildx#2064": STATUS + "error reading from server: EOF",
    "docker/buildx#2789": STATUS + 'closing transport due to: connection error: desc = "error reading from server: '
    'EOF", received prior goaway: code: NO_ERROR, debug data: "graceful_stop"',
    "moby/buildkit#1222": STATUS + "transport is closing",
    "docker/buildx#3810": SOLVE + "no such job wyq2jn0kq8yb1l5nrxxmjbfqn",
    "mozilla/addons#14827": SOLVE + "python:3.11-slim-bookworm: failed to resolve source metadata for "
    "docker.io/library/python:3.11-slim-bookworm: failed to do request: Head "
    '"https://registry-1.docker.io/v2/library/python/manifests/3.11-slim-bookworm": net/http: TLS handshake timeout',
    "docker/buildx#1653": SOLVE + 'failed to push x/y:1.0.0: failed commit on ref "index-sha256:3be2": '
    "unexpected status: 500 Server Error",
    "docker/build-push-action#239": SOLVE + "rpc error: code = Unknown desc = unexpected status: 502 Bad Gateway",
    "docker/build-push-action#334": SOLVE + "rpc error: code = Unknown desc = failed to fetch oauth token: Get "
    "https://auth.docker.io/token?scope=repository%3Ab%2Fk%3Apull%2Cpush&service=registry.docker.io: EOF",
    "docker/build-push-action#626": SOLVE + "failed to copy: cannot reuse body, request must be retried",
    "docker/build-push-action#761": SOLVE
    + "failed to push ghcr.io/f/k:1: failed to copy: io: read/write on closed pipe",
    "docker/hub-feedback#2499": 'Head "https://registry-1.docker.io/v2/moby/buildkit/manifests/buildx-stable-1": '
    "received unexpected HTTP status: 503 Service Unavailable",
    "freedomofdevelopers/fod#687": 'Get "https://registry-1.docker.io/v2/": net/http: request canceled while waiting for '
    "connection (Client.Timeout exceeded while awaiting headers)",
    "rate limit": SOLVE + "failed to copy: httpReadSeeker: failed open: unexpected status code "
    "https://registry-1.docker.io/v2/a/manifests/sha256:00: 429 Too Many Requests - Server message: toomanyrequests: "
    "You have reached your pull rate limit.",
    "DNS": SOLVE + 'failed to do request: Head "https://ghcr.io/v2/x": dial tcp: lookup ghcr.io on 127.0.0.53:53: '
    "server misbehaving",
}
LASTING = {
    "* disk full": SOLVE + "failed to copy files: copy file range failed: no space left on device",
    "* a tag that is not there": SOLVE + "localhost:5000/no:1: failed to resolve source metadata for "
    "localhost:5000/no:1: localhost:5000/no:1: not found",
    "base/node#352": SOLVE + "failed to push ghcr.io/base-org/node:main: unexpected status from POST request to "
    "https://ghcr.io/v2/base-org/node/blobs/uploads/: 403 Forbidden",
    "login": SOLVE
    + "failed to push x: push access denied, repository does not exist or may require authorization: "
    "server message: insufficient_scope: authorization failed",
    "certificate": SOLVE + 'failed to do request: Head "https://r/v2/x": tls: failed to verify certificate: x509: '
    "certificate signed by unknown authority",
    "no such platform": SOLVE + "x: no match for platform in manifest: not found",
    "a wrong Dockerfile": SOLVE + "dockerfile parse error on line 3: unknown instruction: RUM",
    "* a failed command": SOLVE + EXIT + "7",
    "checksum": SOLVE + "digest mismatch sha256:00: sha256:01",
}
# Last lines of a recipe's step, and its exit code.
FETCHES = {
    "parca-dev/parca-agent#593": (
        100,
        (
            "W: Failed to fetch http://deb.debian.org/debian/dists/bullseye/InRelease  Temporary failure resolving 'deb.debian.org'\n"
            "W: Some index files failed to download. They have been ignored, or old ones used instead.\n"
            "E: Unable to locate package libelf-dev"
        ),
    ),
    "getsentry/self-hosted#3122": (
        100,
        (
            "W: Failed to fetch http://deb.debian.org/debian/dists/bookworm/InRelease  Could not connect to "
            "deb.debian.org:80 (151.101.230.132). - connect (111: Connection refused)"
        ),
    ),
    "cookiecutter-django#5494": (
        100,
        (
            "E: Failed to fetch http://deb.debian.org/debian-security/pool/x_arm64.deb  Hash Sum mismatch\n"
            "E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?"
        ),
    ),
    "apt, 503": (
        100,
        "E: Failed to fetch http://deb.debian.org/debian/pool/x.deb  503  Service Unavailable [IP: 1.2.3.4 80]",
    ),
    "* curl, no such host": (6, "curl: (6) Could not resolve host: nowhere.invalid"),
    "* curl, refused": (
        7,
        "curl: (7) Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server",
    ),
    "curl, 503": (22, "curl: (22) The requested URL returned error: 503"),
    "* pip": (
        1,
        (
            "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection "
            "broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to "
            "establish a new connection: [Errno 111] Connection refused')': /simple/numpy/\n"
            "ERROR: Could not find a version that satisfies the requirement numpy (from versions: none)"
        ),
    ),
    "* git": (128, "fatal: unable to access 'https://nowhere.invalid/x/': Could not resolve host: nowhere.invalid"),
    "git, cut off": (
        128,
        "error: RPC failed; curl 18 transfer closed\nfetch-pack: unexpected disconnect\nfatal: early EOF",
    ),
    "npm": (1, "npm error code ECONNRESET\nnpm error network aborted"),
    "cargo": (101, "warning: spurious network error (3 tries remaining): [28] Timeout was reached"),
}
FAULTS = {
    "a compiler": (
        1,
        "src/main.cpp:3:10: fatal error: missing.h: No such file or directory\ncompilation terminated.",
    ),
    "a compiler, after a fetch that went well at last": (
        2,
        "curl: (6) Could not resolve host: mirror\nretrying\nmain.c:7:1: error: expected ';' before '}' token",
    ),
    "a linker": (1, "/usr/bin/ld: main.o: undefined reference to `f'\ncollect2: error: ld returned 1 exit status"),
    "curl, 404": (22, "curl: (22) The requested URL returned error: 404"),
    "pip, no such package": (1, "ERROR: No matching distribution found for numpyy==99"),
    "nothing said": (7, ""),
    "killed for memory": (137, "Killed"),
    "apt, no such package": (100, "E: Unable to locate package nosuch"),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_fault_of_network_registry_or_engine_may_pass(name: str) -> None:
    assert is_transient(PASSING[name])


@pytest.mark.parametrize("name", LASTING)
def test_what_stays_wrong_is_not_tried_again(name: str) -> None:
    assert not is_transient(LASTING[name])


@pytest.mark.parametrize("name", FETCHES)
def test_a_step_that_could_not_fetch_something_may_pass(name: str) -> None:
    code, log = FETCHES[name]
    assert is_transient_step(log.splitlines(), f"{EXIT}{code}")


@pytest.mark.parametrize("name", FAULTS)
def test_a_recipe_that_fails_is_not_tried_again(name: str) -> None:
    code, log = FAULTS[name]
    assert not is_transient_step(log.splitlines(), f"{EXIT}{code}")


def events(*lines: object) -> EventReader:
    reader = EventReader({"dep": ["linux/amd64"], "slow": ["linux/amd64"]})
    for line in lines:
        reader.feed(line if isinstance(line, str) else json.dumps(line))
    return reader


def only(reader: EventReader) -> Failure:
    (failure,) = failures_of(reader)
    return failure


def vertex(name: str, error: str = "", log: str = "") -> dict[str, object]:
    data = base64.b64encode(log.encode()).decode()
    return {
        "vertexes": [{"digest": name, "name": name, "started": "2026-11-21T09:00:00Z", "error": error}],
        "logs": [{"vertex": name, "data": data}],
    }


BROKEN = vertex("[dep eb-bad 1/1] RUN x", f"{EXIT}3", "about to fail")
STOPPED = vertex("[slow eb-slow 1/1] RUN y", f"{EXIT}137: context canceled: context canceled")


def test_the_step_that_failed_by_itself_is_to_blame_whatever_the_last_line_names() -> None:
    failure = only(events(STOPPED, BROKEN, f"ERROR: target slow: failed to solve: {EXIT}3"))
    assert failure.stage == "eb-bad"
    assert failure.bake_targets == {"dep"}
    assert failure.message == "the step failed: [dep eb-bad 1/1] RUN x"
    assert "about to fail" in failure.reason
    assert not failure.transient


def test_all_steps_that_failed_by_themselves_are_to_blame() -> None:
    refused = 'failed to do request: Head "http://r/v2/x": dial tcp: connect: connection refused'
    first, second = failures_of(events(BROKEN, STOPPED, vertex("[slow] exporting to image", refused)))
    assert (first.bake_targets, first.transient) == ({"dep"}, False)
    assert (second.bake_targets, second.transient) == ({"slow"}, True)
    assert second.message == "the bake of slow failed"


def test_an_engine_that_is_gone_leaves_no_step_to_blame() -> None:
    reader = events(STOPPED, "ERROR: failed to solve: Unavailable: error reading from server: EOF")
    assert failures_of(reader) == []
    failure = unexplained(reader, ["slow"])
    assert failure.stage == ""
    assert failure.message == "the bake of slow failed"
    assert failure.reason == "failed to solve: Unavailable: error reading from server: EOF"
    assert failure.transient
    assert unexplained(reader, ["dep", "slow"]).message == "the bake failed"


def test_a_full_disk_is_reported_with_the_way_out() -> None:
    failure = unexplained(events(f"ERROR: {LASTING['* disk full']}"), ["dep"])
    assert "make room for the engine" in failure.error().hints[0]


def test_a_base_without_bash_is_reported_with_the_way_out() -> None:
    said = (
        'runc run failed: unable to start container process: exec: "/bin/bash": stat /bin/bash: '
        "no such file or directory"
    )
    failure = unexplained(events(f"ERROR: {said}"), ["dep"])
    assert "use a base that has it" in failure.error().hints[0]
    assert not failure.transient
