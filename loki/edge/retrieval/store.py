"""Env, path -> a store to add to, or to search: with the model that its vectors are of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from returns.pipeline import flow
from returns.result import Failure, Result, Success

from loki import pipeline
from loki.edge import files
from loki.edge.retrieval.rescue import Rescue
from loki.edge.retrieval.table import Store, find_nearest, find_store, open_store, read_keys
from loki.edge.retrieval.turn import Turn
from loki.edge.retrieval.writer import Writer, explain_other_model
from loki.money.count_tokens import estimate_tokens
from loki.pipeline import Env
from loki.problems import Problem, fail
from loki.railway import bind, gather
from loki.record import replace
from loki.records import Ask, Target
from loki.replies import Embeddings
from loki.retrieval.header import EmbeddingSettings, Header, describe_difference, embedding_settings
from loki.retrieval.passages import Match, Passage, Stored
from loki.stages.batching import batch_limits, group_in_batches
from loki.stages.parse_vectors import add_costs
from loki.stages.resolve import resolve

DEFAULT_ASK = Ask()


# ---- adding ------------------------------------------------------------------------------------


def store(
    env: Env, path: str, texts: Iterable[str | Passage], ask: Ask = DEFAULT_ASK
) -> Result[Stored, Problem]:
    """Add texts and their vectors to the store in a folder, which is made where it is missing.

    ``ask`` names the model (default: the store's) and the limits. A text that is there is not sent.
    """
    passages = (Passage(text) if isinstance(text, str) else text for text in texts)
    return open_writer(env, path, ask).bind(lambda adding: write_passages(env, adding, passages))


class StoreWriting(NamedTuple):
    """A store that is being added to, and what is asked for each text."""

    writer: Writer
    target: Target
    ask: Ask


def open_writer(
    env: Env, path: str, ask: Ask, say: Callable[[str], None] = lambda message: None
) -> Result[StoreWriting, Problem]:
    """Return the store in a folder, or a new one, to add to; fail if its vectors are others.

    ``say`` is told that another process is adding to it, whose end is awaited.
    """
    turn = Turn(path, files.directory("state", os.environ), say)
    return find_store(path).bind(
        lambda found: writer_of(env, path, as_document(ask, found), found, turn)
    )


def as_document(ask: Ask, found: Store | None) -> Ask:
    """Return an ask for the vectors of texts, of the store's own model if it names none."""
    own = found.header.model if found else None
    return replace(
        ask,
        model=ask.model or own,
        purpose=ask.purpose or "document",
        encoding="base64",
        stream=False,
    )


def writer_of(
    env: Env, path: str, ask: Ask, found: Store | None, turn: Turn
) -> Result[StoreWriting, Problem]:
    """Return what adds to a store, if its vectors are those that are asked for."""
    return Result.do(
        StoreWriting(make_writer(env, path, target, signature, checked, keys, turn), target, ask)
        for target in resolve(env.config, "embedding")(ask)
        for signature in embedding_settings(target, env.patches)
        for checked in check_settings(found, signature)
        for keys in (read_keys(found) if found else no_written_keys())
    )


def make_writer(
    env: Env,
    path: str,
    target: Target,
    signature: EmbeddingSettings,
    found: Store | None,
    keys: object,
    turn: Turn,
) -> Writer:
    """Return what adds to a store."""
    header = Header(target.name, signature, env.now())
    rescue = Rescue(path, files.directory("state", os.environ), signature)
    return Writer(path, header, found, keys, env.now, env.clock, rescue, turn)


def check_settings(
    found: Store | None, signature: EmbeddingSettings
) -> Result[Store | None, Problem]:
    """Return a store, if its vectors can be compared to those of a signature."""
    other = describe_difference(found.header.settings, signature) if found else ""
    return Failure(explain_other_model(found, other)) if found and other else Success(found)


def no_written_keys() -> Result[object, Problem]:
    """Return the keys of a store that is not there yet."""
    import numpy

    return Success(numpy.empty(0, dtype=numpy.int64))


def write_passages(
    env: Env, adding: StoreWriting, passages: Iterable[Passage]
) -> Result[Stored, Problem]:
    """Embed the passages that are new, and write them; keep what came before a problem."""
    writer, costs = adding.writer, list[Decimal | None]()
    new = filter(writer.is_new, passages)
    size = batch_limits(adding.target)  # a request each, so that a failure loses no other's answer
    batches = group_in_batches(new, *size, lambda passage: estimate_tokens(passage.text))
    added = gather(map(partial(add_batch, env, adding, costs), batches))
    closed = writer.close()
    return gather((added, closed)).map(
        lambda _: Stored(adding.target.name, writer.added, writer.present, add_costs(costs))
    )


def add_batch(
    env: Env, adding: StoreWriting, costs: list[Decimal | None], batch: Sequence[Passage]
) -> Result[None, Problem]:
    """Embed some passages and hand them to the store."""
    texts = tuple(passage.text for passage in batch)

    def add(embeddings: Embeddings) -> Result[None, Problem]:
        costs.append(embeddings.cost)
        return adding.writer.add([*zip(batch, embeddings.vectors, strict=True)])

    return pipeline.embed(env, replace(adding.ask, texts=texts)).bind(add)


# ---- searching ---------------------------------------------------------------------------------


def search(
    env: Env,
    path: str,
    query: str,
    top: int = 10,
    min_score: float | None = None,
    ask: Ask = DEFAULT_ASK,
) -> Result[tuple[Match, ...], Problem]:
    """Return the passages of a store that are nearest to a query, the best first.

    Every vector is compared, by cosine. The store's own model embeds the query; ``ask`` may name
    another client that has the same model, and the limits.
    """
    found = open_store(path).bind(
        lambda store: search_all(env, store, [query], top, min_score, ask)
    )
    return found.map(lambda answers: answers.matches[0])


class SearchResults(NamedTuple):
    """The matches of each query, and what it took to embed the queries."""

    matches: tuple[tuple[Match, ...], ...]
    embeddings: Embeddings


def search_all(
    env: Env, store: Store, queries: Sequence[str], top: int, min_score: float | None, ask: Ask
) -> Result[SearchResults, Problem]:
    """Return the matches of each query."""

    def call(target: Target) -> Result[Embeddings, Problem]:
        answer = pipeline.embed(env, replace(target.ask, texts=tuple(queries)))
        return answer.alt(lambda problem: without_model(problem, store, ask))

    def look_up(embeddings: Embeddings) -> Result[SearchResults, Problem]:
        found = gather(find_nearest(store, each, top, min_score) for each in embeddings.vectors)
        return found.map(lambda matches: SearchResults(matches, embeddings))

    return flow(
        target_of(env, store, ask),
        bind(partial(check_lengths, queries)),
        bind(call),
        bind(look_up),
    )


def as_query(ask: Ask, store: Store) -> Ask:
    """Return an ask for the vectors of queries, of the store's own model if it names none."""
    return replace(
        ask,
        model=ask.model or store.header.model,
        purpose="query",
        dimensions=store.header.settings.dimensions,
        encoding="base64",
        stream=False,
    )


def target_of(env: Env, store: Store, ask: Ask) -> Result[Target, Problem]:
    """Return where the queries of a store go; fail if its model is gone, or another is named."""
    asked, purpose = as_query(ask, store), store.header.settings.purpose
    found = Result.do(
        target
        for target in resolve(env.config, "embedding")(asked)
        for text in Success(replace(target, ask=replace(asked, purpose=purpose)))
        for signature in embedding_settings(text, env.patches)
        for _ in check_settings(store, signature)
    )
    return found.alt(lambda problem: without_model(problem, store, ask))


def without_model(problem: Problem, store: Store, ask: Ask) -> Problem:
    """Return a problem; where it is that a store's own model is gone, with what to do about it."""
    if ask.model or problem.kind != "config":
        return problem
    needs = f"{store.path} has vectors of {store.header.model}"
    return replace(problem, message=f"{needs}: {problem.message}; -m names another way to it")


def check_lengths(queries: Sequence[str], target: Target) -> Result[Target, Problem]:
    """Return a target that takes every query as a whole."""
    most = target.model.max_input_tokens
    sizes = [estimate_tokens(query) for query in queries]
    if most is None or max(sizes, default=0) <= most:
        return Success(target)
    takes = f"{target.model.name} takes {most:,} (max_input_tokens)"
    return fail("input", f"the query has about {max(sizes):,} tokens, {takes}: ask more briefly")
