"""Embeds texts by the mean of word vectors that are given here, and searches by the angle between them."""

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))

try:
    import torch
except ImportError as error:
    # Jetson's builds load the board's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"sentence-transformers: not run, because the driver is only on the board ({error})")
    sys.exit(0)

import numpy as np  # noqa: E402 - after the one above has had its say
import sentence_transformers  # noqa: E402
from sentence_transformers import SentenceTransformer, models, util  # noqa: E402
from sentence_transformers.models.tokenizer import WhitespaceTokenizer  # noqa: E402

words = ["red", "green", "blue"]
embedding = models.WordEmbeddings(WhitespaceTokenizer(words, stop_words=set()), np.eye(3, dtype=np.float32))
pooling = models.Pooling(3, pooling_mode="mean")
device = "cuda" if GPU and torch.cuda.is_available() else "cpu"
model = SentenceTransformer(modules=[embedding, pooling], device=device)

shelf = model.encode(["red red", "red green", "blue"], convert_to_tensor=True)
expected = torch.tensor([[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]], device=shelf.device)
assert torch.allclose(shelf, expected), shelf
hits = util.semantic_search(model.encode(["green"], convert_to_tensor=True), shelf, top_k=1)[0]
assert hits[0]["corpus_id"] == 1, hits
assert abs(hits[0]["score"] - 0.5**0.5) < 1e-5, hits
print(f"sentence-transformers: {sentence_transformers.__version__} on {device}")
