"""Indexes texts by an embedding that counts letters, and finds the right one; also in the index once stored."""

import string
import tempfile

from llama_index.core import Settings, StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms.mock import MockLLM
from llama_index.core.schema import TextNode


class Letters(BaseEmbedding):
    """How often each letter is in the text."""

    def _get_text_embedding(self, text: str) -> list[float]:
        return [float(text.lower().count(letter)) for letter in string.ascii_lowercase]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


# Texts are cut by characters here: a tokenizer would be downloaded.
Settings.tokenizer = list
Settings.llm = MockLLM()
Settings.embed_model = Letters()
texts = ["aaa bbb", "ccc ddd", "xxx yyy"]
index = VectorStoreIndex([TextNode(text=text) for text in texts])
found = index.as_retriever(similarity_top_k=2).retrieve("ddd c")
assert found[0].text == "ccc ddd", found
# The vectors (3, 3) and (1, 3) of the letters c and d: 12 / (sqrt(18) sqrt(10)).
assert abs(found[0].score - 12 / 180**0.5) < 1e-6, found[0].score
assert abs(found[1].score) < 1e-6, found[1].score

with tempfile.TemporaryDirectory() as folder:
    index.storage_context.persist(folder)
    again = load_index_from_storage(StorageContext.from_defaults(persist_dir=folder))
assert again.as_retriever(similarity_top_k=1).retrieve("yx")[0].text == "xxx yyy"
print(f"llama-index: {found[0].score:.4f}")
