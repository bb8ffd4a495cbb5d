"""The detection example's services, really started by Docker Compose from the committed file, and put under load."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import statistics
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from load import Answer, at_once, post, statuses, steady

from conftest import ROOT, Done, Project, run

EXAMPLE = ROOT / "examples/detection-service"
PICTURE = EXAMPLE / "app/testdata/three-shapes.png"
REGISTRY = "localhost:5000/e2e/compose"
BUSYBOX = "localhost:5000/busybox:stable"


@dataclass(frozen=True)
class Stack:
    """Running services: their folder, name, and where they are reached."""

    root: Path
    name: str
    url: str
    prometheus: str
    environment: dict[str, str]

    def compose(self, *args: str, check: bool = True) -> Done:
        command = ("docker", "compose", "-p", self.name, "-f", "bake/cpu/compose.yaml", *args)
        return run(*command, cwd=self.root, env=self.environment, check=check)

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "--quiet", service).out.split()

    def post(self, picture: bytes) -> Answer:
        return asyncio.run(post(f"{self.url}/detect", picture))

    def measured(self, query: str) -> list[float]:
        """Return what Prometheus answers."""
        url = f"{self.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        with urllib.request.urlopen(url, timeout=20) as response:
            return [float(one["value"][1]) for one in json.load(response)["data"]["result"]]

    def wait_for(self, query: str, enough: float) -> float:
        """Wait until Prometheus, which asks every 2 s, has seen that much; return it."""
        deadline = time.monotonic() + 30
        while sum(found := self.measured(query)) < enough:
            assert time.monotonic() < deadline, f"{query} is {found} after 30 s, not {enough}"
            time.sleep(0.5)
        return sum(found)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The example for one platform, its images baked into the engine and its services started; all gone afterwards."""
    root = tmp_path_factory.mktemp("compose")
    shutil.copytree(EXAMPLE, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".edgebake", "__pycache__"))
    text = (root / "edgebake.yaml").read_text()
    text = text.replace("targets: [cpu, jetpack-6.2, cuda-12.8]", "targets: cpu\n    platforms: linux/amd64")
    text = text.replace("targets: cpu}", "targets: cpu, platforms: linux/amd64}")
    (root / "edgebake.yaml").write_text(text)
    Project(root, REGISTRY).bake("--target", "cpu", "--load")
    assert (root / "bake/cpu/compose.yaml").read_text() == (EXAMPLE / "bake/cpu/compose.yaml").read_text()

    http, metrics = free_ports(2)
    environment = {"REGISTRY": REGISTRY, "TAG": "dev", "HTTP_PORT": str(http), "METRICS_PORT": str(metrics)}
    addresses = (f"http://127.0.0.1:{http}", f"http://127.0.0.1:{metrics}")
    stack = Stack(root, f"eb-{uuid.uuid4().hex[:10]}", *addresses, environment)
    try:
        up = stack.compose("up", "--detach", "--wait", "--wait-timeout", "120", check=False)
        assert up.code == 0, f"{up.err}\n{stack.compose('logs', '--tail', '30').out}"
        yield stack
    finally:
        stack.compose("down", "--volumes", "--remove-orphans", "--rmi", "all", "--timeout", "5")


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def pictures(count: int, *, scale: int = 1) -> list[bytes]:
    """Return pictures of the three shapes that no cache has seen: each has a pixel of its own."""
    picture = cv2.imread(str(PICTURE))
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    made = []
    for _ in range(count):
        picture[0, :40] = np.frombuffer(uuid.uuid4().bytes * 8, np.uint8)[:120].reshape(40, 3)
        made.append(cv2.imencode(".png", picture)[1].tobytes())
    return made


def labels(answer: Answer) -> list[str]:
    return sorted(box["label"] for box in answer.json()["boxes"])


THREE = ["circle", "square", "triangle"]


def test_a_known_picture_is_answered_from_redis_and_faster(stack: Stack) -> None:
    fresh = pictures(6, scale=12)
    first = [stack.post(picture) for picture in fresh]
    second = [stack.post(picture) for picture in fresh]
    assert [labels(answer) for answer in first] == [THREE] * 6
    assert [answer.json()["boxes"] for answer in second] == [answer.json()["boxes"] for answer in first]
    assert all("inference" in answer.json()["timings_ms"] for answer in first)
    assert not any("inference" in answer.json()["timings_ms"] for answer in second)
    inside = [
        statistics.median(one.json()["timings_ms"]["total"] for one in answers) for answers in (first, second)
    ]
    assert inside[1] < inside[0] / 2
    assert stack.wait_for('sum(detector_cache_pictures_total{outcome="hit"})', 6) >= 6
    assert stack.wait_for('sum(detector_cache_pictures_total{outcome="miss"})', 6) >= 6


def test_what_redis_keeps_is_bounded_in_time_and_in_memory(stack: Stack) -> None:
    stack.post(pictures(1)[0])
    keys = stack.compose("exec", "-T", "cache", "redis-cli", "keys", "detector:*").out.split()
    assert keys
    left = int(stack.compose("exec", "-T", "cache", "redis-cli", "ttl", keys[0]).out)
    assert 0 < left <= 60
    assert "67108864" in stack.compose("exec", "-T", "cache", "redis-cli", "config", "get", "maxmemory").out


def test_no_request_is_lost_while_every_detector_is_restarted(stack: Stack) -> None:
    before = {one: started(one) for one in stack.containers("detector")}
    some = pictures(200)

    async def load() -> list[Answer]:
        stop = asyncio.Event()
        running = asyncio.create_task(steady(f"{stack.url}/detect", some, rate=25, stop=stop))
        await asyncio.sleep(1)
        command = ("deploy/rolling-restart", "detector", "-p", stack.name, "-f", "bake/cpu/compose.yaml")
        await asyncio.to_thread(run, *command, cwd=stack.root, env=stack.environment)
        await asyncio.sleep(1)
        stop.set()
        return await running

    answers = asyncio.run(load())
    assert len(before) == 2
    assert all(started(container) != moment for container, moment in before.items())
    assert len(answers) > 100
    assert statuses(answers) == {200: len(answers)}, [one for one in answers if one.status != 200][:5]
    assert all(labels(answer) == THREE for answer in answers)


def started(container: str) -> str:
    return run("docker", "inspect", "--format", "{{.State.StartedAt}}", container).out


def test_a_client_that_asks_too_much_gets_429_and_all_others_their_answer(stack: Stack) -> None:
    time.sleep(1)  # what was allowed before is used up no more
    answers = asyncio.run(at_once(f"{stack.url}/detect", pictures(4), 400))
    found = statuses(answers)
    assert set(found) == {200, 429}, found
    assert found[200] >= 50
    assert found[429] >= 50
    time.sleep(1)
    assert stack.post(pictures(1)[0]).status == 200


def test_without_redis_it_goes_on_and_takes_it_again_when_it_is_back(stack: Stack) -> None:
    picture = pictures(1)[0]
    stack.compose("stop", "--timeout", "5", "cache")
    try:
        answers = asyncio.run(at_once(f"{stack.url}/detect", [picture], 20))
        assert statuses(answers) == {200: 20}
        assert all("inference" in answer.json()["timings_ms"] for answer in answers)
        stack.wait_for('sum(detector_cache_pictures_total{outcome="unavailable"})', 20)
    finally:
        stack.compose("up", "--detach", "--wait", "cache")
    deadline = time.monotonic() + 20
    while "inference" in stack.post(picture).json()["timings_ms"]:
        assert time.monotonic() < deadline, "20 s after Redis is back it is not asked"
        time.sleep(0.5)


def test_the_proxy_finds_detectors_that_are_made_anew_elsewhere(stack: Stack) -> None:
    old = {address(container) for container in stack.containers("detector")}
    stack.compose("rm", "--stop", "--force", "detector")
    holder = ("docker", "run", "--detach", "--rm", "--network", f"{stack.name}_default", BUSYBOX, "sleep", "300")
    holders = [run(*holder).out.strip() for _ in old]  # in the place of the old ones, and deaf
    try:
        stack.compose("up", "--detach", "--wait", "--no-deps", "detector")
        assert not old & {address(container) for container in stack.containers("detector")}
        assert statuses(asyncio.run(at_once(f"{stack.url}/detect", pictures(10), 10))) == {200: 10}
    finally:
        run("docker", "rm", "--force", *holders)


def address(container: str) -> str:
    network = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return run("docker", "inspect", "--format", network, container).out.strip()


def test_every_detector_is_scraped(stack: Stack) -> None:
    assert stack.wait_for('sum(up{job="detector"})', 2) == 2
    stack.wait_for('sum(detector_requests_total{status="200"})', 10)


@pytest.mark.parametrize("service", ["detector", "cache", "proxy", "metrics"])
def test_a_service_runs_as_an_ordinary_user_without_rights_on_a_read_only_file_system(
    stack: Stack, service: str
) -> None:
    container = stack.containers(service)[0]
    settings: dict[str, Any] = json.loads(run("docker", "inspect", container).out)[0]["HostConfig"]
    assert settings["ReadonlyRootfs"]
    assert settings["CapDrop"] == ["ALL"]
    assert settings["Memory"] > 0
    assert settings["PidsLimit"] > 0
    shell = "id -u; grep -c '^NoNewPrivs:.*1' /proc/self/status; touch /srv/x 2>/dev/null || echo read-only"
    assert run("docker", "exec", container, "bash", "-c", shell).out.split() == ["10001", "1", "read-only"]
