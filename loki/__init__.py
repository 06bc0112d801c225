"""Language models as Unix filters.

A call is a pipeline of small functions; the names below are in its order::

    open_env      the configuration and this machine          -> Env
    Ask, Message  what one call wants
    prepare       Env, Ask -> Request   everything up to the wire
    answer        Env, Ask -> Reply     one answer in one piece
    stream        Env, Ask -> Stream    the same as it comes
    collect       Stream   -> Reply     and gathered again
    answers       Env, Asks -> Replies  many at once
    batch_api     Env, Asks -> a file   the same through the provider's own batch API
    embed         Env, Ask -> Embeddings  a vector for each text
    rerank        Env, Ask -> Ranking   texts by how well they answer a query
    Problem       why there is no answer

Read ``loki/pipeline.py`` first. Names are loaded when they are first used, so that
``loki --version`` need not wait for what it does not use.
"""

from __future__ import annotations

from loki.version import __version__ as __version__

TYPE_CHECKING = False  # typing itself takes as long to load as all of this program's start

if TYPE_CHECKING:
    from loki.edge.batch.api.scripting import batch_api
    from loki.edge.batch.workers import answers
    from loki.edge.env import open_env
    from loki.pipeline import Env, answer, embed, prepare, rerank, stream
    from loki.problems import Problem
    from loki.records import Ask, Message
    from loki.replies import Embeddings, Ranking, Reply
    from loki.stages.parse import collect

HOMES = {
    "open_env": "loki.edge.env",
    "Ask": "loki.records",
    "Message": "loki.records",
    "Env": "loki.pipeline",
    "prepare": "loki.pipeline",
    "answer": "loki.pipeline",
    "answers": "loki.edge.batch.workers",
    "batch_api": "loki.edge.batch.api.scripting",
    "stream": "loki.pipeline",
    "embed": "loki.pipeline",
    "rerank": "loki.pipeline",
    "collect": "loki.stages.parse",
    "Reply": "loki.replies",
    "Embeddings": "loki.replies",
    "Ranking": "loki.replies",
    "Problem": "loki.problems",
}

__all__ = [
    "Ask",
    "Embeddings",
    "Env",
    "Message",
    "Problem",
    "Ranking",
    "Reply",
    "answer",
    "answers",
    "batch_api",
    "collect",
    "embed",
    "open_env",
    "prepare",
    "rerank",
    "stream",
]


def __getattr__(name: str) -> object:
    """Load a public name from its module (PEP 562)."""
    if name not in HOMES:
        raise AttributeError(f"module 'loki' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(HOMES[name]), name)
    return value
