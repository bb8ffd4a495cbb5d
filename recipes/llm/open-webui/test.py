"""Starts the server with an empty database, creates the first account, and is told who that is."""

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]


def ask(path, question=None, token=""):
    body = None if question is None else json.dumps(question).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers)) as answer:
        return json.load(answer)


with tempfile.TemporaryDirectory() as folder:
    settings = {
        "DATA_DIR": folder,
        "HOME": folder,
        "HF_HUB_OFFLINE": "1",
        "OFFLINE_MODE": "true",
        "WEBUI_SECRET_KEY": "for this test only",
        "RAG_EMBEDDING_ENGINE": "ollama",  # the local one would download its model
        "ENABLE_OLLAMA_API": "false",
        "ENABLE_OPENAI_API": "false",
    }
    log = Path(folder, "log")
    command = ["open-webui", "serve", "--host", "127.0.0.1", "--port", str(port)]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **settings}) as server,
    ):
        try:
            for attempt in range(500):
                assert server.poll() is None, log.read_text(errors="replace")[-3000:]
                try:
                    assert ask("/health") == {"status": True}
                    break
                except OSError:
                    assert attempt < 499, log.read_text(errors="replace")[-3000:]
                    time.sleep(1)
            account = {"name": "Ada", "email": "ada@example.org", "password": "Analytical-1843"}
            created = ask("/api/v1/auths/signup", account)
            assert created["role"] == "admin", created  # the first one is
            told = ask("/api/v1/auths/", token=created["token"])
            assert (told["name"], told["email"]) == ("Ada", "ada@example.org"), told
            version = ask("/api/version")["version"]
        finally:
            server.terminate()
print(f"open-webui: {version}")
