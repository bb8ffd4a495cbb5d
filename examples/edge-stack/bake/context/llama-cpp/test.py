"""Lets a tiny model, made here, count through the alphabet: by the Python binding, and by the server.

Each word's embedding is one axis, and the output turns each axis into the next word. All other weights are zero, so
nothing but this reaches the end: after "a" comes "b", with a probability that a formula tells.
"""

import json
import math
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))
WIDTH, SCALE = 32, 2.0
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ["<unk>", "<s>", "</s>", *LETTERS, "-", ".", "!"]  # as many as the width
assert len(WORDS) == WIDTH


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def entry(key, value):
    """Return a pair of a GGUF file's metadata."""
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, float):
        return text(key) + struct.pack("<If", 6, value)
    if isinstance(value, bool):
        return text(key) + struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return text(key) + struct.pack("<II", 4, value)
    kind, items = (
        (8, [text(v) for v in value])
        if isinstance(value[0], str)
        else (
            (6, [struct.pack("<f", v) for v in value])
            if isinstance(value[0], float)
            else (5, [struct.pack("<i", v) for v in value])
        )
    )
    return text(key) + struct.pack("<IIQ", 9, kind, len(items)) + b"".join(items)


def matrix(rows, columns, cells=()):
    values = [0.0] * (rows * columns)
    for row, column, value in cells:
        values[row * columns + column] = value
    return values


def write_model(path):
    one = [1.0] * WIDTH
    tensors = {
        "token_embd.weight": ((WIDTH, WIDTH), matrix(WIDTH, WIDTH, [(i, i, 1.0) for i in range(WIDTH)])),
        "output.weight": ((WIDTH, WIDTH), matrix(WIDTH, WIDTH, [(i + 1, i, SCALE) for i in range(WIDTH - 1)])),
        "output_norm.weight": ((WIDTH,), one),
        "blk.0.attn_norm.weight": ((WIDTH,), one),
        "blk.0.ffn_norm.weight": ((WIDTH,), one),
    }
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        tensors[f"blk.0.{name}.weight"] = ((WIDTH, WIDTH), matrix(WIDTH, WIDTH))
    pairs = {
        "general.architecture": "llama",
        "general.alignment": 32,
        "llama.context_length": 64,
        "llama.embedding_length": WIDTH,
        "llama.block_count": 1,
        "llama.feed_forward_length": WIDTH,
        "llama.attention.head_count": 1,
        "llama.attention.head_count_kv": 1,
        "llama.attention.layer_norm_rms_epsilon": 1e-6,
        "llama.rope.dimension_count": WIDTH,
        "llama.vocab_size": WIDTH,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": WORDS,
        "tokenizer.ggml.scores": [0.0] * WIDTH,
        "tokenizer.ggml.token_type": [2, 3, 3] + [1] * (WIDTH - 3),
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.add_space_prefix": False,
    }
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs))
    head += b"".join(entry(key, value) for key, value in pairs.items())
    data = bytearray()
    for name, (shape, values) in tensors.items():
        head += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        head += struct.pack("<IQ", 0, len(data))
        data += struct.pack(f"<{len(values)}f", *values)
        data += bytes(-len(data) % 32)
    path.write_bytes(head + bytes(-len(head) % 32) + data)


def ask(port, path, question=None):
    body = None if question is None else json.dumps(question).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


try:
    import llama_cpp
except (OSError, RuntimeError) as error:
    # With CUDA the libraries load the machine's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"llama-cpp: not run, because the driver is only on the machine that runs ({error})")
    sys.exit(0)

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "alphabet.gguf")
    write_model(path)

    model = llama_cpp.Llama(str(path), n_ctx=64, n_gpu_layers=-1 if GPU else 0, logits_all=True, verbose=False)
    assert model.tokenize(b"abc", add_bos=False) == [3, 4, 5]
    model.eval([WORDS.index("k")])
    logits = model.scores[0]
    # The norm makes the one axis sqrt(width) long.
    expected = SCALE * math.sqrt(WIDTH)
    following = WORDS.index("l")
    assert abs(logits[following] - expected) < 1e-2, logits[following]
    assert max(abs(value) for i, value in enumerate(logits) if i != following) < 1e-2, logits
    model.close()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = ["llama-server", "--model", str(path), "--ctx-size", "64", "--threads", "1", "--parallel", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--no-warmup"]
    log = Path(folder, "log")
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            for _ in range(300):
                assert server.poll() is None, log.read_text(errors="replace")
                try:
                    if ask(port, "/health")["status"] == "ok":
                        break
                except OSError:
                    pass
                time.sleep(0.3)
            answer = ask(port, "/completion", {"prompt": "h", "n_predict": 5, "temperature": 0})
        finally:
            server.terminate()
    assert answer["content"].replace(" ", "") == "ijklm", answer
print(f"llama-cpp: {llama_cpp.__version__}, GPU {bool(llama_cpp.llama_supports_gpu_offload())}")
