"""Makes a tiny decoder whose layer adds nothing and whose projection names the next word; stores it, generates."""

import tempfile

import ctranslate2
import numpy as np
from ctranslate2.specs import TransformerDecoderModelSpec

WORDS = ["<unk>", "<s>", "</s>", "one", "two", "three", "four", "five"]
SIZE = len(WORDS)
FOLLOWS = {"<s>": "one", "one": "two", "two": "three", "three": "four", "four": "five", "five": "</s>"}


def weights(linear, rows, columns):
    linear.weight = np.zeros((rows, columns), np.float32)
    linear.bias = np.zeros(rows, np.float32)


def norm(layer):
    layer.gamma = np.ones(SIZE, np.float32)
    layer.beta = np.zeros(SIZE, np.float32)


spec = TransformerDecoderModelSpec.from_config(num_layers=1, num_heads=1, pre_norm=True)
decoder = spec.decoder
decoder.scale_embeddings = False
decoder.embeddings.weight = np.eye(SIZE, dtype=np.float32)
decoder.position_encodings.encodings = np.zeros((32, SIZE), np.float32)
norm(decoder.layer_norm)
(layer,) = decoder.layer
norm(layer.self_attention.layer_norm)
weights(layer.self_attention.linear[0], 3 * SIZE, SIZE)
weights(layer.self_attention.linear[1], SIZE, SIZE)
norm(layer.ffn.layer_norm)
weights(layer.ffn.linear_0, 2 * SIZE, SIZE)
weights(layer.ffn.linear_1, SIZE, 2 * SIZE)
weights(decoder.projection, SIZE, SIZE)
for word, following in FOLLOWS.items():
    decoder.projection.weight[WORDS.index(following), WORDS.index(word)] = 10
spec.register_vocabulary(WORDS)
spec.validate()

gpu = ctranslate2.get_cuda_device_count() > 0
with tempfile.TemporaryDirectory() as folder:
    spec.save(folder)
    generator = ctranslate2.Generator(folder, device="cuda" if gpu else "cpu", compute_type="float32")
    (result,) = generator.generate_batch([["<s>"]], max_length=10, include_prompt_in_result=False)
    (score,) = generator.score_batch([["<s>", "one", "two"]])
assert result.sequences == [["one", "two", "three", "four", "five"]], result.sequences
assert score.tokens == ["one", "two"], score.tokens
assert all(-0.1 < probability <= 0 for probability in score.log_probs), score.log_probs
print(f"ctranslate2: {ctranslate2.__version__} on {'GPU' if gpu else 'CPU'}")
