"""Checks how the quantisations put numbers into words: eight of four bits, and ten of three, in 32."""

import importlib.metadata

from mlc_llm.quantization import QUANTIZATION

four, three = QUANTIZATION["q4f16_1"], QUANTIZATION["q3f16_1"]
assert (four.num_elem_per_storage, four.max_int_value) == (8, 7), four
assert four.num_storage_per_group == 4, four  # groups of 32 numbers
assert (three.num_elem_per_storage, three.max_int_value) == (10, 3), three
versions = {name: importlib.metadata.version(f"{name}-nightly-cu124") for name in ("mlc-llm", "mlc-ai")}
print(f"mlc-llm: {versions}")
