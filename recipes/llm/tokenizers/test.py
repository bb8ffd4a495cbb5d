"""Learns pairs from a few words whose most frequent ones are known; stores the tokenizer and reads it again."""

import tempfile
from pathlib import Path

import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

tokenizer = Tokenizer(models.BPE(unk_token="?"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
trainer = trainers.BpeTrainer(special_tokens=["?"], vocab_size=9, show_progress=False)
# The letters and the unknown make 5 words. "ab" is the most frequent pair (11), then "abc" (7), then "abcd" (4).
tokenizer.train_from_iterator(["abcd"] * 4 + ["abc"] * 3 + ["ab"] * 4 + ["d"], trainer)
vocabulary = tokenizer.get_vocab()
assert set(vocabulary) == {"?", "a", "b", "c", "d", "ab", "abc", "abcd"}, vocabulary

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "tokenizer.json")
    tokenizer.save(str(path))
    again = Tokenizer.from_file(str(path))
encoding = again.encode("abcdab dabc x")
assert encoding.tokens == ["abcd", "ab", "d", "abc", "?"], encoding.tokens
assert encoding.offsets == [(0, 4), (4, 6), (7, 8), (8, 11), (12, 13)], encoding.offsets
print(f"tokenizers: {tokenizers.__version__}")
