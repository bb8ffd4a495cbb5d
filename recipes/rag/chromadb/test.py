"""Stores points in a folder, asks for the nearest under a condition, and does so again through the server."""

import socket
import subprocess
import tempfile
import time
from pathlib import Path

import chromadb

names = ["one", "two", "three", "four"]
points = [[1.0, 0.0], [0.0, 2.0], [3.0, 4.0], [-1.0, 0.0]]


def check(client):
    """Ask for the two nearest to the origin's neighbour (1, 1), by the square of the distance."""
    shelf = client.get_collection("points")
    assert shelf.count() == 4
    answer = shelf.query(query_embeddings=[[1.0, 1.0]], n_results=2)
    assert set(answer["ids"][0]) == {"one", "two"}, answer
    assert [round(distance, 4) for distance in sorted(answer["distances"][0])] == [1.0, 2.0], answer
    answer = shelf.query(query_embeddings=[[1.0, 1.0]], n_results=1, where={"number": {"$gt": 2}})
    assert answer["ids"] == [["four"]], answer
    assert answer["documents"] == [["FOUR"]], answer


with tempfile.TemporaryDirectory() as folder:
    client = chromadb.PersistentClient(folder)
    shelf = client.create_collection("points", embedding_function=None)
    shelf.add(
        ids=names,
        embeddings=points,
        documents=[name.upper() for name in names],
        metadatas=[{"number": number} for number in (1, 2, 2, 3)],
    )
    check(client)
    del client, shelf

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    log = Path(folder, "log")
    command = ["chroma", "run", "--host", "127.0.0.1", "--port", str(port), "--path", folder]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            for attempt in range(100):
                assert server.poll() is None, log.read_text(errors="replace")
                try:
                    remote = chromadb.HttpClient("127.0.0.1", port)
                    break
                except Exception:  # whatever it says while the server starts
                    if attempt == 99:
                        raise
                    time.sleep(0.5)
            check(remote)
        finally:
            server.terminate()
print(f"chromadb: {chromadb.__version__}")
