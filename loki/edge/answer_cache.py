"""Env -> the same Env, which does not ask again what was answered before: cached().

The answers are files, one each, named by a hash of the request and of who asks: see key_of().
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from threading import Lock

from returns.result import Result, Success

from loki.edge.answer_files import (
    ABANDONED,
    MAX_FOLDER_SIZE,
    cache_folder,
    decode_file,
    encode_file,
    explain_unwritten,
    remove_oldest,
    write_file,
)
from loki.edge.auth.credentials import mask_draft
from loki.edge.env import find_schema_violation_in_time, log_warning
from loki.edge.env_file import environment
from loki.edge.stdin import read_file
from loki.edge.trust import (
    UntrustedFileError,
    open_cache_file,
    require_cache_folder,
    require_safe_folder,
)
from loki.json_text import Json, compact_strict
from loki.pipeline import Env
from loki.problems import Problem, fail
from loki.providers import SECRET_BASE
from loki.record import replace
from loki.records import CachedResponse, Client, Draft, Request, Response, Setting
from loki.redaction.redactor import Redactor
from loki.replies import OpenResponse, Reply
from loki.stages.first_event import copy_pieces
from loki.stages.replay import headers_to_keep, parse_cached, replay_response, replay_stream

STEP = MAX_FOLDER_SIZE // 16  # bytes that a process writes before it looks again how much there is
MAX_ANSWER_SIZE = 64 << 20  # bytes of one answer
MAX_FILE_SIZE = MAX_ANSWER_SIZE + (16 << 20)  # bytes: its sizes and headers are there too


def cached(
    env: Env,
    age: float | None = None,
    folder: str | None = None,
    warn: Callable[[str], None] = log_warning,
    is_good: Callable[[Reply], bool] = lambda reply: True,
) -> Env:
    """Return an Env that answers from a cache what was answered at most ``age`` seconds ago.

    Only whole, successful answers are kept, and of chats those that ``is_good``. For what is found
    no credential is looked up, nothing is sent, and nothing counts against a budget.
    """
    environ = environment()
    folder = folder or cache_folder(environ)
    cache = AnswerCache(folder, age, env.now, warn, is_good, environ, env.redactor)

    def authorize(draft: Draft) -> Result[Draft, Problem]:
        if draft.url.startswith(SECRET_BASE):  # where it goes is known only then
            ready = env.authorize(draft)
            return ready.bind(lambda found: cache.look_up(draft, found.url, lambda: ready))
        return cache.look_up(draft, draft.url, lambda: env.authorize(draft))

    def afford(request: Request) -> Result[Request, Problem]:
        return env.check_budget(request) if request.draft.kept is None else Success(request)

    def send(request: Request) -> Result[Response, Problem]:
        if request.draft.kept is not None:
            return Success(replay_response(request, request.draft.kept))
        return env.send(request).map(cache.cache_response)

    def open_(request: Request) -> Result[OpenResponse, Problem]:
        if request.draft.kept is not None:
            return Success(replay_stream(request, request.draft.kept, env.clock()))
        return env.open(request).map(cache.cache_at_end)

    return replace(env, authorize=authorize, check_budget=afford, send=send, open=open_)


def cache_key(draft: Draft, url: str, environ: Mapping[str, str]) -> str:
    """Return the name of a request: a hash of all of it and of who asks; "" if it has none.

    One server may answer two of its users differently, and neither is to see the other's answers.
    """
    headers = sorted((name.lower(), value) for name, value in draft.headers.items())
    who = identity_of(draft.target.client, environ)
    try:
        parts = compact_strict([draft.method, url, headers, draft.body, who])
        return sha256(parts.encode()).hexdigest()
    except (ValueError, RecursionError):
        return ""  # of which ``build`` says what is wrong


def identity_of(client: Client, environ: Mapping[str, str]) -> list[Json]:
    """Return who asks, as far as that is known without looking up a credential.

    That is the client, and each of its settings: a key that stands there, or in a variable, by
    its value, one of the vault, a file or a command by where it is. It goes into a hash together
    with the request, and nowhere else.
    """
    settings = [
        (name, setting.source, setting.value, named_value(setting, environ))
        for name, setting in sorted(client.settings.items())
    ]
    chosen = [environ.get(name) for name in IDENTITIES]
    return [client.name, settings, repr(sorted(client.oauth.items())), chosen]


def named_value(setting: Setting, environ: Mapping[str, str]) -> str | None:
    """Return the value of the variable that a setting names, if it names one that is set."""
    return environ.get(setting.value.strip("{} ")) if setting.source == "name" else None


#: Variables that choose among the identities of a machine.
IDENTITIES = ("AWS_PROFILE", "AZURE_CLIENT_ID", "GOOGLE_APPLICATION_CREDENTIALS")


class AnswerCache:
    """The answers in a folder, for any number of threads and processes."""

    def __init__(
        self,
        folder: str,
        age: float | None,
        now: Callable[[], float],
        warn: Callable[[str], None],
        is_good: Callable[[Reply], bool],
        environ: Mapping[str, str],
        redactor: Redactor,
    ) -> None:
        self.folder, self.age, self.now, self.warn = folder, age, now, warn
        self.is_good, self.environ, self.redactor = is_good, environ, redactor
        self.lock = Lock()
        self.written = STEP  # bytes since the last look at the folder: the first one is due
        self.has_warned = False

    # ---- reading

    def look_up(
        self, draft: Draft, url: str, authorize: Callable[[], Result[Draft, Problem]]
    ) -> Result[Draft, Problem]:
        """Return the draft with its answer and without a credential, else ready to be sent."""
        key = cache_key(draft, url, self.environ)

        def with_answer(kept: CachedResponse | None) -> Result[Draft, Problem]:
            ready = authorize() if kept is None else mask_draft(draft)
            return ready.map(lambda found: replace(found, cache_key=key, kept=kept))

        return self.find(key).bind(with_answer)

    def find(self, key: str) -> Result[CachedResponse | None, Problem]:
        """Return an answer, None if there is none; fail if others could have put one there."""
        path = os.path.join(self.folder, key)
        try:
            require_safe_folder(self.folder)
            require_cache_folder(path)
            data = read_file(path, open_cache_file, limit=MAX_FILE_SIZE)
        except UntrustedFileError as error:
            return fail("config", f"the answer cache is not used: {error}")
        except OSError:
            return Success(None)
        return Success(decode_file(data, key, self.now(), self.age))

    # ---- writing

    def cache_response(self, response: Response) -> Response:
        """Return the same answer once it is kept."""
        kept = CachedResponse(response.status, headers_to_keep(response.headers), (response.body,))
        self.write_answer(response.request, kept)
        return response

    def cache_at_end(self, opened: OpenResponse) -> OpenResponse:
        """Return the same answer, which is kept when it is closed if all of it came."""
        pieces: list[bytes] = [] if opened.pieces is None else opened.pieces
        chunks = opened.chunks if opened.events else copy_pieces(opened.chunks, pieces)

        def close() -> None:
            opened.close()
            kept = CachedResponse(opened.status, headers_to_keep(opened.headers), tuple(pieces))
            self.write_answer(opened.request, kept)

        return replace(opened, chunks=chunks, close=close)

    def write_answer(self, request: Request, kept: CachedResponse) -> None:
        """Keep an answer if it is whole, a success, and free of secrets; warn once if it cannot."""
        key, body = request.draft.cache_key, b"".join(kept.pieces)
        if not key or len(body) > MAX_ANSWER_SIZE or not self.is_cacheable(request, kept):
            return
        text = body.decode("latin-1")
        redact = self.redactor.redact
        if redact(text) != text:  # a server that repeats a key
            return
        headers = {name: redact(value) for name, value in kept.headers.items()}
        try:
            data = encode_file(replace(kept, headers=headers), key, self.now())
            write_file(self.folder, key, data)
            self.make_room(len(data))
        except OSError as error:
            if not self.has_warned:
                self.has_warned = True
                self.warn(f"this answer is not kept: {explain_unwritten(error, self.folder)}")

    def is_cacheable(self, request: Request, kept: CachedResponse) -> bool:
        """Return whether an answer may be given again."""
        message = parse_cached(request, kept, find_schema_violation_in_time).value_or(None)
        return message is not None and (not isinstance(message, Reply) or self.is_good(message))

    def make_room(self, size: int) -> None:
        """Take the oldest answers away, now and then: never is much more kept than MOST."""
        with self.lock:
            self.written += size
            is_due = self.written >= STEP
            self.written = 0 if is_due else self.written
        if is_due:
            remove_oldest(self.folder, MAX_FOLDER_SIZE - STEP, time.time() - ABANDONED)
