"""Sends messages from one session to another over TCP, there and back, and one after the other."""

import json
import queue
import socket

import zenoh
from edgebake_bench import measure


def settings(**endpoints):
    """Return settings for a peer that finds nobody by multicast."""
    config = zenoh.Config()
    config.insert_json5("scouting/multicast/enabled", "false")
    for way, endpoint in endpoints.items():
        config.insert_json5(f"{way}/endpoints", json.dumps([endpoint]))
    return config


with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    endpoint = f"tcp/127.0.0.1:{listener.getsockname()[1]}"

SMALL, LARGE = b"x" * 64, b"x" * 1_000_000
returned = queue.Queue()
with zenoh.open(settings(listen=endpoint)) as server, zenoh.open(settings(connect=endpoint)) as client:
    answer = server.declare_publisher("bench/pong")
    asked = server.declare_subscriber("bench/ping", lambda sample: answer.put(sample.payload.to_bytes()))
    back = client.declare_subscriber("bench/pong", lambda sample: returned.put(len(sample.payload.to_bytes())))
    question = client.declare_publisher("bench/ping")

    def there_and_back(payload):
        question.put(payload)
        assert returned.get(timeout=20) == len(payload)

    for _ in range(100):  # until both know of each other, what is sent is lost
        question.put(SMALL)
        try:
            returned.get(timeout=0.1)
            break
        except queue.Empty:
            continue
    measure("64 bytes there and back", lambda: there_and_back(SMALL), unit="messages")
    measure("1 MB there and back", lambda: there_and_back(LARGE), items=2, unit="MB")
