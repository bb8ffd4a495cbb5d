"""A load generator: many requests at a time over HTTP/1.1, and what became of each of them."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 60.0  # seconds for one answer


@dataclass(frozen=True)
class Answer:
    """What one request got. `status` 0: no whole answer came, and `body` says why."""

    status: int
    seconds: float
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


async def post(url: str, picture: bytes) -> Answer:
    """Send one picture over a connection of its own."""
    start = time.monotonic()
    try:
        status, body = await asyncio.wait_for(_exchange(url, picture), TIMEOUT)
    except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
        status, body = 0, repr(error).encode()
    return Answer(status, time.monotonic() - start, body)


async def _exchange(url: str, picture: bytes) -> tuple[int, bytes]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: image/png\r\n"
        head += f"Content-Length: {len(picture)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + picture)
        await writer.drain()
        status_line, _, headers = (await reader.readuntil(b"\r\n\r\n")).decode().partition("\r\n")
        body = await reader.read()
    finally:
        writer.close()
    fields = dict(line.lower().split(": ", 1) for line in headers.splitlines() if line)
    if len(body) != int(fields["content-length"]):
        raise ValueError(f"{len(body)} bytes of {fields['content-length']} came")
    return int(status_line.split()[1]), body


async def at_once(url: str, pictures: Sequence[bytes], count: int) -> list[Answer]:
    """Send `count` requests at the same time."""
    return await asyncio.gather(*(post(url, pictures[index % len(pictures)]) for index in range(count)))


async def steady(url: str, pictures: Sequence[bytes], *, rate: float, stop: asyncio.Event) -> list[Answer]:
    """Send `rate` requests each second until `stop` is set; fewer, while 32 are not answered yet."""
    places = asyncio.Semaphore(32)
    sent: list[asyncio.Task[Answer]] = []
    while not stop.is_set():
        await places.acquire()
        sent.append(asyncio.create_task(post(url, pictures[len(sent) % len(pictures)])))
        sent[-1].add_done_callback(lambda _: places.release())
        await asyncio.sleep(1 / rate)
    return await asyncio.gather(*sent)


def statuses(answers: Sequence[Answer]) -> Counter[int]:
    """Return how often each status came."""
    return Counter(answer.status for answer in answers)
