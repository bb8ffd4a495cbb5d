"""Splits a text, and runs an agent with a scripted model that calls a tool and uses what the tool says."""

from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langchain_text_splitters import RecursiveCharacterTextSplitter


@tool
def multiply(first: int, second: int) -> int:
    """Return the product of two numbers."""
    return first * second


class Scripted(GenericFakeChatModel):
    """A model that says what it was given, whatever tools it may call."""

    def bind_tools(self, tools, **kwargs):
        assert [one.name for one in tools] == ["multiply"]
        return self


call = {"name": "multiply", "args": {"first": 6, "second": 7}, "id": "1"}
model = Scripted(messages=iter([AIMessage(content="", tool_calls=[call]), AIMessage(content="done")]))
result = create_agent(model, [multiply]).invoke({"messages": [("user", "What is six times seven?")]})
kinds = [message.type for message in result["messages"]]
assert kinds == ["human", "ai", "tool", "ai"], kinds
assert result["messages"][2].content == "42", result["messages"][2]
assert result["messages"][3].content == "done"

words = " ".join(str(number) for number in range(100))
parts = RecursiveCharacterTextSplitter(chunk_size=40, chunk_overlap=0).split_text(words)
assert " ".join(parts) == words
assert max(map(len, parts)) <= 40
print(f"langchain: {len(parts)} parts, {result['messages'][2].content}")
