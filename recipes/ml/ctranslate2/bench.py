"""Generates with a decoder of random weights: one sequence, and eight at once; on a GPU if there is any."""

import tempfile

import ctranslate2
import numpy as np
from ctranslate2.specs import TransformerDecoderModelSpec
from edgebake_bench import measure

LAYERS, HEADS, SIZE, TOKENS = 4, 8, 256, 32
WORDS = ["<unk>", "<s>", "</s>", *(f"word{number}" for number in range(1021))]
random = np.random.RandomState(0)


def weights(linear, rows, columns):
    linear.weight = random.standard_normal((rows, columns)).astype(np.float32) / np.float32(16)
    linear.bias = np.zeros(rows, np.float32)


def norm(layer):
    layer.gamma = np.ones(SIZE, np.float32)
    layer.beta = np.zeros(SIZE, np.float32)


spec = TransformerDecoderModelSpec.from_config(num_layers=LAYERS, num_heads=HEADS, pre_norm=True)
decoder = spec.decoder
decoder.scale_embeddings = False
decoder.embeddings.weight = random.standard_normal((len(WORDS), SIZE)).astype(np.float32)
decoder.position_encodings.encodings = np.zeros((128, SIZE), np.float32)
norm(decoder.layer_norm)
for layer in decoder.layer:
    norm(layer.self_attention.layer_norm)
    weights(layer.self_attention.linear[0], 3 * SIZE, SIZE)
    weights(layer.self_attention.linear[1], SIZE, SIZE)
    norm(layer.ffn.layer_norm)
    weights(layer.ffn.linear_0, 4 * SIZE, SIZE)
    weights(layer.ffn.linear_1, SIZE, 4 * SIZE)
weights(decoder.projection, len(WORDS), SIZE)
spec.register_vocabulary(WORDS)
spec.validate()

device = "cuda" if ctranslate2.get_cuda_device_count() > 0 else "cpu"
with tempfile.TemporaryDirectory() as folder:
    spec.save(folder)
    generator = ctranslate2.Generator(folder, device=device, compute_type="float32")
    for count in (1, 8):
        prompts = [["<s>"]] * count

        def generate(prompts=prompts):
            generator.generate_batch(prompts, min_length=TOKENS, max_length=TOKENS)

        measure(f"{TOKENS} tokens, {count} at once, {device}", generate, items=TOKENS * count, unit="tokens")
