"""Connects two sessions over TCP: one squares what the other asks for, and what is published arrives."""

import json
import queue
import socket

import zenoh


def settings(**endpoints):
    """Return settings for a peer that finds nobody by multicast."""
    config = zenoh.Config()
    config.insert_json5("scouting/multicast/enabled", "false")
    for way, endpoint in endpoints.items():
        config.insert_json5(f"{way}/endpoints", json.dumps([endpoint]))
    return config


def square(query):
    number = int(query.parameters["number"])
    query.reply(query.key_expr, str(number * number))


with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    endpoint = f"tcp/127.0.0.1:{listener.getsockname()[1]}"

arrived = queue.Queue()
with zenoh.open(settings(listen=endpoint)) as server, zenoh.open(settings(connect=endpoint)) as client:
    server.declare_queryable("test/square", square)
    server.declare_subscriber("test/arm/*/angle", arrived.put)
    assert list(client.info.peers_zid()) == [server.info.zid()]

    replies = [reply.ok.payload.to_string() for reply in client.get("test/square?number=12", timeout=20)]
    assert replies == ["144"], replies

    client.put("test/leg/left/angle", "not asked for")
    client.put("test/arm/left/angle", b"\x00\x2a\xff")
    sample = arrived.get(timeout=20)
    assert str(sample.key_expr) == "test/arm/left/angle", sample.key_expr
    assert sample.payload.to_bytes() == b"\x00\x2a\xff"
    assert arrived.empty()
print("zenoh: a query and a publication over TCP")
