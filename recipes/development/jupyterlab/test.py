"""Starts JupyterLab, is refused without its token, and with it lets a kernel run a cell that computes."""

import json
import os
import secrets
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import websocket

with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
token = secrets.token_hex(16)


def ask(path, token="", question=None):
    """Return status and answer, of which only JSON is read."""
    body = None if question is None else json.dumps(question).encode()
    headers = {"Content-Type": "application/json", **({"Authorization": f"token {token}"} if token else {})}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = answer.read()
            is_json = answer.headers.get_content_type() == "application/json"
            return answer.status, json.loads(said) if is_json else said.decode()
    except urllib.error.HTTPError as error:
        return error.code, None


def run_cell(kernel, code):
    """Let a kernel run a cell, and return what it prints."""
    url = f"ws://127.0.0.1:{port}/api/kernels/{kernel}/channels"
    channel = websocket.create_connection(url, timeout=120, header=[f"Authorization: token {token}"])
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": uuid.uuid4().hex}
    header.update(username="test", version="5.3", date="2026-01-01T00:00:00Z")
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    channel.send(
        json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"})
    )
    printed = ""
    while True:
        message = json.loads(channel.recv())
        if message["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        kind, content = message["msg_type"], message["content"]
        assert kind != "error", content["traceback"]
        if kind == "stream" and content["name"] == "stdout":
            printed += content["text"]
        if kind == "status" and content["execution_state"] == "idle":
            channel.close()
            return printed


with tempfile.TemporaryDirectory() as folder:
    log = Path(folder, "log")
    home = {"HOME": folder, "JUPYTER_TOKEN": token}
    command = ["jupyter", "lab", "--ip=127.0.0.1", f"--port={port}", f"--ServerApp.root_dir={folder}"]
    if os.geteuid() == 0:
        command.append("--allow-root")  # of an image that runs as root

    environment = {**os.environ, **home}
    empty = [*command, "--IdentityProvider.token="]
    refused = subprocess.run(empty, env=environment, capture_output=True, text=True, timeout=120)
    assert refused.returncode != 0, "it started with an empty token"
    assert "empty token" in refused.stderr, refused.stderr

    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        try:
            for attempt in range(240):
                assert server.poll() is None, log.read_text(errors="replace")
                try:
                    version = ask("/api")[1]["version"]
                    break
                except OSError:
                    assert attempt < 239, log.read_text(errors="replace")
                    time.sleep(0.5)
            for path in ("/api/contents", "/api/kernels", "/api/terminals"):
                assert ask(path)[0] == 403, f"{path} is open without a token"
                assert ask(path, "0" * 32)[0] == 403, f"{path} is open with a wrong token"
                assert ask(path, token)[0] == 200, f"{path} is closed with the token"
            assert "jupyter-config-data" in ask("/lab", token)[1]

            status, kernel = ask("/api/kernels", token, {"name": "python3"})
            assert status == 201, (status, kernel)
            printed = run_cell(kernel["id"], "import sys\nprint(sum(n * n for n in range(101)), sys.prefix)")
            assert printed.split() == ["338350", "/opt/venv"], printed
        finally:
            server.terminate()
            server.wait(timeout=60)
print(f"jupyterlab: Jupyter Server {version}")
