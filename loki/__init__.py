"""Language models as Unix filters.

A call is a pipeline of small functions; the names below are in its order::

    open_env      the configuration and this machine          -> Env
    Ask, Message, Limits  what one call wants, how long it may take
    prepare       Env, Ask -> Request   everything up to the wire
    answer        Env, Ask -> Reply     one answer in one piece
    stream        Env, Ask -> Stream    the same as it comes
    collect       Stream   -> Reply     and gathered again
    first_success  a call, Asks -> its result  of the first model that answers
    answers       Env, Asks -> Replies  many at once
    converse      Env, Ask, functions -> Conversation  with tools that are run
    batch_api     Env, Asks -> a file   the same through the provider's own batch API
    embed         Env, Ask -> Embeddings  a vector for each text
    rerank        Env, Ask -> Ranking   texts by how well they answer a query
    cached        Env      -> Env       that asks nothing twice
    store         Env, path, texts -> Stored     texts and their vectors, kept in a folder
    search        Env, path, query -> Matches    the nearest of them
    Text, Media, Tool, ToolCall, Reasoning, Done   parts of messages, events of a stream
    Problem       why there is no answer

Read ``loki/pipeline.py`` first. Names are loaded when they are first used, so that
``loki --version`` need not wait for what it does not use.
"""

from __future__ import annotations

from loki.version import __version__ as __version__

TYPE_CHECKING = False  # typing itself takes as long to load as all of this program's start

if TYPE_CHECKING:
    from loki.edge.answer_cache import cached
    from loki.edge.batch.api.python_api import batch_api
    from loki.edge.batch.threads import answers
    from loki.edge.env import open_env
    from loki.edge.retrieval.store import search, store
    from loki.messages import Media, Message, Text, Tool, ToolCall
    from loki.pipeline import Env, answer, embed, first_success, prepare, rerank, stream
    from loki.problems import Problem
    from loki.records import Ask, Limits
    from loki.replies import Done, Embeddings, Ranking, Reasoning, Reply, Source
    from loki.retrieval.passages import Match, Passage, Stored
    from loki.stages.parse import collect
    from loki.tool_use import Conversation, converse

HOMES = {
    "open_env": "loki.edge.env",
    "Ask": "loki.records",
    "Limits": "loki.records",
    "Message": "loki.messages",
    "Text": "loki.messages",
    "Media": "loki.messages",
    "Tool": "loki.messages",
    "ToolCall": "loki.messages",
    "Env": "loki.pipeline",
    "prepare": "loki.pipeline",
    "answer": "loki.pipeline",
    "cached": "loki.edge.answer_cache",
    "answers": "loki.edge.batch.threads",
    "batch_api": "loki.edge.batch.api.python_api",
    "stream": "loki.pipeline",
    "embed": "loki.pipeline",
    "rerank": "loki.pipeline",
    "first_success": "loki.pipeline",
    "converse": "loki.tool_use",
    "Conversation": "loki.tool_use",
    "store": "loki.edge.retrieval.store",
    "search": "loki.edge.retrieval.store",
    "collect": "loki.stages.parse",
    "Reply": "loki.replies",
    "Reasoning": "loki.replies",
    "Done": "loki.replies",
    "Embeddings": "loki.replies",
    "Ranking": "loki.replies",
    "Passage": "loki.retrieval.passages",
    "Match": "loki.retrieval.passages",
    "Stored": "loki.retrieval.passages",
    "Source": "loki.replies",
    "Problem": "loki.problems",
}

__all__ = [
    "Ask",
    "Conversation",
    "Done",
    "Embeddings",
    "Env",
    "Limits",
    "Match",
    "Media",
    "Message",
    "Passage",
    "Problem",
    "Ranking",
    "Reasoning",
    "Reply",
    "Source",
    "Stored",
    "Text",
    "Tool",
    "ToolCall",
    "answer",
    "answers",
    "cached",
    "batch_api",
    "collect",
    "converse",
    "embed",
    "first_success",
    "open_env",
    "prepare",
    "rerank",
    "search",
    "store",
    "stream",
]


def __getattr__(name: str) -> object:
    """Load a public name from its module (PEP 562)."""
    if name not in HOMES:
        raise AttributeError(f"module 'loki' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__, "__version__"]
