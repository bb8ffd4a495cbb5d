"""Reads a prompt and generates with a small model of random weights, made here: tokens in a second."""

import struct
import tempfile
from pathlib import Path

import llama_cpp
import numpy as np
from edgebake_bench import measure

WIDTH, INNER, LAYERS, HEADS, VOCABULARY, CONTEXT = 256, 768, 2, 4, 4096, 256
GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))
WORDS = ["<unk>", "<s>", "</s>", *(f"word{number}" for number in range(VOCABULARY - 3))]
random = np.random.RandomState(0)


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def entry(key, value):
    """Return a pair of a GGUF file's metadata: a text, a whole number, a fraction, or an array of one of these."""
    if isinstance(value, list):
        kind = 8 if isinstance(value[0], str) else 6 if isinstance(value[0], float) else 5
        items = [text(one) if kind == 8 else struct.pack("<f" if kind == 6 else "<i", one) for one in value]
        return text(key) + struct.pack("<IIQ", 9, kind, len(items)) + b"".join(items)
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, float):
        return text(key) + struct.pack("<If", 6, value)
    return text(key) + struct.pack("<II", 4, value)


def write_model(path):
    """Write a model of random weights in the format GGUF: header, metadata, tensors aligned to 32 bytes."""
    shapes = {"token_embd": (VOCABULARY, WIDTH), "output": (VOCABULARY, WIDTH), "output_norm": (WIDTH,)}
    for layer in range(LAYERS):
        shapes.update({f"blk.{layer}.{name}": (WIDTH,) for name in ("attn_norm", "ffn_norm")})
        shapes.update({f"blk.{layer}.attn_{name}": (WIDTH, WIDTH) for name in ("q", "k", "v", "output")})
        shapes.update({f"blk.{layer}.ffn_{name}": (INNER, WIDTH) for name in ("gate", "up")})
        shapes[f"blk.{layer}.ffn_down"] = (WIDTH, INNER)
    pairs = {
        "general.architecture": "llama",
        "general.alignment": 32,
        "llama.context_length": CONTEXT,
        "llama.embedding_length": WIDTH,
        "llama.block_count": LAYERS,
        "llama.feed_forward_length": INNER,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-6,
        "llama.rope.dimension_count": WIDTH // HEADS,
        "llama.vocab_size": VOCABULARY,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": WORDS,
        "tokenizer.ggml.scores": [0.0] * VOCABULARY,
        "tokenizer.ggml.token_type": [2, 3, 3] + [1] * (VOCABULARY - 3),
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
    }
    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(pairs))
    head += b"".join(entry(key, value) for key, value in pairs.items())
    data = bytearray()
    for name, shape in shapes.items():
        sizes = shape[::-1]  # the innermost first
        head += text(f"{name}.weight") + struct.pack("<I", len(sizes)) + struct.pack(f"<{len(sizes)}Q", *sizes)
        head += struct.pack("<IQ", 0, len(data))
        values = np.ones(shape) if len(shape) == 1 else random.standard_normal(shape) / 16
        data += values.astype(np.float32).tobytes()
        data += bytes(-len(data) % 32)
    path.write_bytes(head + bytes(-len(head) % 32) + data)


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "random.gguf")
    write_model(path)
    model = llama_cpp.Llama(str(path), n_ctx=CONTEXT, n_gpu_layers=-1 if GPU else 0, verbose=False)
    prompt = [3 + number % (VOCABULARY - 3) for number in range(64)]

    def read():
        model.reset()
        model.eval(prompt)

    def generate():
        if model.n_tokens >= CONTEXT - 1:
            read()
        model.eval([5])

    where = "GPU" if GPU else "CPU"
    measure(f"prompt of 64 tokens read, {where}", read, items=64, unit="tokens")
    measure(f"token generated after 64 others, {where}", generate, unit="tokens")
    model.close()
