"""The readers that the quick fuzzer feeds, and what must hold of each answer of theirs.

A reader makes an input by a random number generator, and checks it: it raises where a promise is
broken. A Problem is the only failure; what succeeds says something; a stream reads the same however
it is cut; a secret is in no text that a person may see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from random import Random
from typing import Any, NamedTuple

from frames import CLIENTS
from fuzz_checks import SECRET, check_hidden
from fuzz_files import FILES
from fuzz_jobs import JOBS, check_model_list
from fuzz_seeds import Frame, amazon_frame, gather_chats, gather_jobs, gather_measures
from fuzz_settings import SETTINGS
from fuzz_texts import TEXTS
from mutate import NOISE, Seed, cut, damage, mutate, pick, shuffle_frames
from returns.result import Result, Success
from support import config, request

from loki.formats.json_output import reply_json
from loki.json_text import compact
from loki.problems import EXIT_CODES, Problem
from loki.records import Ask, Draft, Request, Response, Task
from loki.redaction.redactor import Redactor
from loki.replies import OpenResponse, Reply
from loki.stages import resolve
from loki.stages.account import account
from loki.stages.first_event import wait_for_answer
from loki.stages.parse import collect, parse, read_stream
from loki.stages.parse_vectors import read_scores, read_vectors
from loki.usage import COUNTS
from loki.wire import embed_wire, rerank_wire, sse
from loki.wire.bedrock import event_stream
from loki.wire.decoder import Splitter
from loki.wire.errors import read_error
from loki.wire.provider_json import parse_json


class Reader(NamedTuple):
    """A reader, how often it is fed, what makes its inputs and what checks one."""

    name: str
    weight: float
    make: Callable[[Random], Any]
    check: Callable[[Any], None]


# ---- answers -------------------------------------------------------------------------------------


@cache
def asking(wire: str, stream: bool) -> Request:
    """Return some request on a wire."""
    return request(CLIENTS[wire], stream=stream)


def check_result(result: Result[Any, Problem], is_shown: bool) -> None:
    """Check a reply or a Problem: a success says something; it has a cost and can be shown."""
    if not isinstance(result, Success):
        check_problem(result.failure())
        return
    reply = result.unwrap()
    assert reply.text or reply.tool_calls or reply.items or reply.pause, "success without an answer"
    if is_shown:
        check_shown(account(reply))


def check_shown(reply: Reply) -> None:
    """Check that a reply can be shown, and that its counts and its cost can be true."""
    compact(reply_json(reply)).encode("utf-8", "replace")
    for name in COUNTS:
        count = getattr(reply.usage, name)
        assert count is None or 0 <= count < 2**40, f"usage.{name} is {count}"
    assert reply.cost is None or 0 <= reply.cost < 10**6, f"cost is {reply.cost}"


def check_problem(problem: Any) -> None:
    """Check that a failure is a Problem with a kind and a message."""
    assert isinstance(problem, Problem), f"not a Problem: {problem!r}"
    assert problem.kind in EXIT_CODES and problem.kind != "bug", problem.kind
    assert isinstance(problem.message, str) and problem.message, "a Problem without a message"


def check_whole(wire: str, body: bytes) -> None:
    """Check an answer in one piece: read as that, and where a stream was asked for."""
    result = parse(Response(asking(wire, False), 200, {}, body))
    check_result(result, len(body) % 3 == 0)
    if len(body) % 4 == 0:
        piece = stream_of(wire, [body], {"content-type": "application/json"})
        assert isinstance(piece, Success) or not isinstance(result, Success) or "[" in str(body[:4])


def stream_of(
    wire: str, pieces: Sequence[bytes], headers: dict[str, str], is_begun: bool = False
) -> Result[Reply, Problem]:
    """Return what the pieces of a stream come to."""
    chunks: Iterator[Result[bytes, Problem]] = map(Success, pieces)
    opened = OpenResponse(asking(wire, True), 200, headers, chunks, lambda: None, started=0.0)
    if not is_begun:
        return collect(read_stream(lambda: 1.0)(opened))
    return wait_for_answer(opened).bind(lambda ready: collect(read_stream(lambda: 1.0)(ready)))


def check_stream(wire: str, pieces: list[bytes]) -> None:
    """Check a stream, which reads the same however it is cut."""
    headers = {"content-type": "text/event-stream"}
    is_begun = len(pieces) % 2 == 0
    whole = stream_of(wire, [b"".join(pieces)], headers, is_begun)
    check_result(whole, len(pieces) % 3 == 0)
    if len(pieces) > 4:
        assert_alike(whole, stream_of(wire, pieces, headers, is_begun))


def assert_alike(one: Result[Any, Problem], other: Result[Any, Problem]) -> None:
    """Check that two readings of the same bytes say the same."""
    if isinstance(one, Success) and isinstance(other, Success):
        assert one.unwrap() == other.unwrap(), f"{one.unwrap()!r} is not {other.unwrap()!r}"
        return
    facts = [
        ("success",) if isinstance(each, Success) else problem_facts(each.failure())
        for each in (one, other)
    ]
    assert facts[0] == facts[1], f"{facts[0]} is not {facts[1]}"


def problem_facts(problem: Problem) -> tuple[Any, ...]:
    """Return what must be the same of a Problem, however its stream was cut."""
    return (problem.kind, problem.message, problem.code, problem.retryable, problem.usage)


def make_stream(rng: Random, streams: Sequence[tuple[Frame, ...]]) -> list[bytes]:
    """Return the pieces of a stream with something odd in it."""
    frames = pick(rng, streams)
    chosen = int(rng.random() * len(frames))
    parts = [
        wrap(frame, mutate(rng, frame.seed) if place == chosen or rng.random() < 0.1 else None)
        for place, frame in enumerate(frames)
    ]
    data = b"".join(shuffle_frames(rng, parts))
    return cut(rng, damage(rng, data) if rng.random() < 0.15 else data)


def wrap(frame: Frame, changed: bytes | None) -> bytes:
    """Return a frame as it travels, changed or not."""
    data = frame.seed.data if changed is None else changed
    return data if frame.headers is None else amazon_frame(frame.headers, data)


# ---- errors --------------------------------------------------------------------------------------

STATUSES = (300, 307, 400, 401, 402, 403, 404, 407, 408, 409, 413, 422, 429, 500, 503, 529, 599)
REDACTOR = Redactor()
REDACTOR.add(SECRET.decode())


def make_error(rng: Random, seeds: Sequence[Seed]) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of a refusal that repeats a secret."""
    body = mutate(rng, pick(rng, seeds))
    at = int(rng.random() * (len(body) + 1))
    told = body[:at] + SECRET + body[at:]
    headers = {"location": f"https://a.example/?{SECRET.decode()}"} if rng.random() < 0.3 else {}
    return pick(rng, STATUSES), headers, told if rng.random() < 0.7 else body


def check_error(given: tuple[int, dict[str, str], bytes]) -> None:
    """Check that a refusal is a Problem, and that its redacted text shows no secret."""
    status, headers, body = given
    problem = read_error(status, headers, body)
    check_problem(problem)
    for text in (problem.message, problem.code, problem.request_id):
        assert text is None or isinstance(text, str)
        check_hidden(REDACTOR.redact(text or ""))


# ---- vectors and scores --------------------------------------------------------------------------


@cache
def measuring(task: Task) -> Request:
    """Return a request about two texts."""
    known = config({"type": "cohere", "models": [{"name": "m", "type": task}]})
    target = resolve(known, task)(Ask(model="cohere:m", texts=("a", "b"), query="q")).unwrap()
    return Request(Draft(target, "https://a.example/", {}, {}), "https://a.example/", {}, b"{}")


def check_vectors(wire: str, body: bytes) -> None:
    """Check that vectors are of one length, or a Problem."""
    if (value := parsed(body)) is not ...:
        result = embed_wire(wire).read(value)
        if isinstance(result, Success):
            assert len({*map(len, result.unwrap().vectors)}) <= 1, "vectors of differing lengths"
        else:
            check_problem(result.failure())
    read = read_vectors(Response(measuring("embedding"), 200, {}, body))
    if not isinstance(read, Success):
        check_problem(read.failure())


def check_scores(wire: str, body: bytes) -> None:
    """Check that scores are of the texts, or a Problem."""
    if (value := parsed(body)) is not ...:
        result = rerank_wire(wire).read(value)
        if not isinstance(result, Success):
            check_problem(result.failure())
    read = read_scores(Response(measuring("reranker"), 200, {}, body))
    if isinstance(read, Success):
        assert {score.text_index for score in read.unwrap().scores} <= {0, 1}
    else:
        check_problem(read.failure())


def parsed(body: bytes) -> Any:
    """Return a JSON value as wires are given it, ``...`` where there is none."""
    try:
        return parse_json(body.decode())
    except (ValueError, RecursionError):
        return ...


# ---- framing -------------------------------------------------------------------------------------


def split(splitter: Splitter, pieces: Sequence[bytes]) -> list[bytes]:
    """Return the frames of a stream."""
    frames: list[bytes] = []
    for piece in pieces:
        frames += splitter.feed(piece)
        if splitter.is_done:
            return frames
    return frames + splitter.end()


def check_framing(make: Callable[[], Splitter], pieces: list[bytes]) -> None:
    """Check that frames are the same however a stream is cut."""
    whole = split(make(), [b"".join(pieces)])
    assert whole == split(make(), pieces), "frames depend on where a stream is cut"


# ---- all of them ---------------------------------------------------------------------------------


def readers() -> list[Reader]:
    """Return all readers, with their seeds."""
    chats, errors = gather_chats()
    vectors, scores = gather_measures()
    found = [Reader("error", 6, lambda rng: make_error(rng, errors), check_error)]
    for wire, answers in chats.items():
        found.append(mutated(f"{wire} whole", 5, answers.whole, partial(check_whole, wire)))
        make = partial(make_stream, streams=answers.streams)
        found.append(Reader(f"{wire} stream", 3, make, partial(check_stream, wire)))
    for wire, seeds in vectors.items():
        found.append(mutated(f"{wire} vectors", 0.7, seeds, partial(check_vectors, wire)))
    for wire, seeds in scores.items():
        found.append(mutated(f"{wire} scores", 0.7, seeds, partial(check_scores, wire)))
    jobs = gather_jobs()
    for name, check in JOBS.items():
        found.append(mutated(f"{name} job", 0.7, jobs, check))
    found.append(mutated("model list", 1, jobs, check_model_list))
    return [*found, *framings(chats), *texts_and_files()]


def mutated(
    name: str, weight: float, seeds: Sequence[Seed], check: Callable[[bytes], None],
    words: Sequence[bytes] = NOISE,
) -> Reader:  # fmt: skip
    """Return a reader that is fed changed seeds."""
    return Reader(name, weight, lambda rng: mutate(rng, pick(rng, seeds), words), check)


def framings(chats: Any) -> Iterator[Reader]:
    """Yield the readers of frames, which see more damage."""

    def make(streams: Any, rng: Random) -> list[bytes]:
        return cut(rng, damage(rng, b"".join(make_stream(rng, streams)[:3])))

    texts = partial(make, chats["claude"].streams)
    yield Reader("event framing", 4, texts, partial(check_framing, sse.EventSplitter))
    amazon = partial(make, chats["converse"].streams)
    yield Reader("amazon framing", 2, amazon, partial(check_framing, event_stream.FrameSplitter))


def texts_and_files() -> Iterator[Reader]:
    """Yield the readers of what users write, and of our own files."""
    for name, weight, seeds, check, words in (*TEXTS, *SETTINGS, *FILES):
        yield mutated(name, weight, seeds, check, words)
