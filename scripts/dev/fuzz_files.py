"""Files of ours that somebody damaged, and answers to a login, for the quick fuzzer."""

from __future__ import annotations

import json
import os
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fuzz_checks import Row, check_failure
from fuzz_seeds import seed_of
from mutate import NOISE, Seed, scan
from returns.result import Success
from support import ROOT

from loki.batch.api.journal import Journal, encode_line, read_lines
from loki.batch.done_rows import read_earlier_row
from loki.config.catalogue_update import parse_catalogue
from loki.config.models_yaml import is_models_yaml, parse_models_yaml
from loki.edge.answer_files import decode_file, encode_file
from loki.edge.auth import registration, token_cache
from loki.edge.auth.oauth_callback import is_callback
from loki.edge.auth.token_endpoint import read_answer
from loki.edge.auth.vault_format import encrypt, new_vault, read, text_with_value, value_of
from loki.edge.config_cache import file_key, read_cache
from loki.edge.env_file import read_env
from loki.records import CachedResponse
from loki.redaction.redactor import Redactor
from loki.retrieval.header import EmbeddingSettings, Header, read_header, write_header

# ---- secrets -------------------------------------------------------------------------------------

KEY = bytes(32)
SECRETS = {"ONE": "s3cret-one", "TWO": "s3cret-two", "three.3": "ä" * 50}


def vault_bytes() -> bytes:
    """Return a vault with some secrets under a key that no password has."""
    vault = new_vault("it", b"password", bytes(16), bytes(12)).unwrap()
    for number, (name, value) in enumerate(SECRETS.items(), 1):
        text = text_with_value(vault, name, encrypt(KEY, name, value, bytes([number] * 12)))
        vault = read(text, "it").unwrap()
    return ("\n".join(vault.lines) + "\n").encode()


def check_vault(data: bytes) -> None:
    """Check that a damaged vault says so, or has no other secret."""
    result = read(data.decode("utf-8", "replace"), "it")
    check_failure(result, "it:")
    if isinstance(result, Success):
        for name in result.unwrap().places:
            value = value_of(result.unwrap(), name, KEY)
            assert value == Success(SECRETS.get(name)) or value.failure().message


def check_token(data: bytes) -> None:
    """Check that a token file holds a token or none, and so does what a server answers."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    token = token_cache.from_json(value)
    assert token is None or token_cache.is_valid(token, "", 1.0) in (True, False)
    registration.from_json(value)
    for status in (200, 400, 429, 500):
        check_failure(read_answer(status, data, "h", str, 1.0, Redactor()))


def check_callback(data: bytes) -> None:
    """Check that whatever asks the listener is an answer or none."""
    assert is_callback(data.decode("latin-1"), "s") in (True, False)


def check_env(data: bytes) -> None:
    """Check that the lines of an .env file are variables or none."""
    assert all(name.isidentifier() for name in read_env(data.decode("utf-8", "replace")))


# ---- caches --------------------------------------------------------------------------------------


@cache
def cache_paths() -> tuple[str, str, os.stat_result]:
    """Return a configuration with one secret, where its cache is, and its status."""
    folder = Path(tempfile.mkdtemp(prefix="loki-fuzz-", dir=SCRATCH))
    config = folder / "config.yaml"
    config.write_text("clients: [{type: openai, api_key: s3cret}]\n")
    return str(config), str(folder / "cache.json"), config.stat()


SCRATCH = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def cache_seed() -> Seed:
    """Return the cache of that configuration."""
    config, _, status = cache_paths()
    key = file_key(config, status)
    places = [[["clients", 0, "api_key"], 34, 40]]
    secrets = {"file": [*key, status.st_ctime_ns], "places": places}
    plain = {"clients": [{"type": "openai", "api_key": None}], "model": "openai:m"}
    return seed_of({"key": key, "plain": plain, "secrets": secrets})


def check_config_cache(data: bytes) -> None:
    """Check that a damaged cache is a configuration or none."""
    config, path, status = cache_paths()
    handle = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    os.write(handle, data)
    os.close(handle)
    found = read_cache(path, config, status)
    assert found is None or isinstance(found, dict)


KEPT = CachedResponse(
    200, {"content-type": "text/event-stream"}, (b"data: {}\n\n", b"data: [DONE]\n\n")
)


def check_kept_answer(data: bytes) -> None:
    """Check that a kept answer is what was kept, or none."""
    found = decode_file(data, "k", 2.0, 5.0)
    if found is not None:
        digest = sha256(b"".join(found.pieces)).hexdigest()
        assert digest.encode() in data
        assert isinstance(found.status, int) and isinstance(found.headers, dict)


# ---- what batches and stores keep ----------------------------------------------------------------

DONE: list[Any] = [
    {"id": "a", "key": "k", "text": "Hi"},
    {"id": 5, "key": "k", "error": {"kind": "busy"}, "cost": 0.01},
]
NONCE = "abcdefgh"
JOURNAL: list[Any] = [
    {
        "plan": NONCE,
        "time": 1.0,
        "account": "a",
        "model": "x:m",
        "kind": "openai",
        "n": 2,
        "worst": "0.5",
    },
    {"rows": NONCE, "items": [["k", None, 3], ["l", "a", 4]]},
    {"uploaded": NONCE, "ref": "file-1"},
    {"intent": NONCE, "time": 5.0},
    {"job": NONCE, "id": "batch_1"},
    {"looked": NONCE, "time": 6.0},
    {
        "seen": NONCE,
        "id": "batch_1",
        "state": "done",
        "time": 7.0,
        "is_final": True,
        "total": 2,
        "files": ["f"],
    },
    {"collected": NONCE, "cost": "0.1", "again": ["abcdefgh-1"]},
    {"dropped": NONCE, "why": "x"},
]


def journal_seeds() -> list[Seed]:
    """Return the lines of a journal, whole and each alone."""
    lines = [encode_line(line) for line in JOURNAL]
    return [scan(b"".join(lines)), *map(scan, lines)]


def check_done(data: bytes) -> None:
    """Check that a line of an earlier output is a row or none."""
    read_earlier_row(data)


def check_journal(data: bytes) -> None:
    """Check that what can be read of a journal can be used."""
    lines, whole, _ = read_lines(data.splitlines(keepends=True))
    assert 0 <= whole <= len(data)
    journal = Journal(lines)
    journal.spent()
    journal.uncollected_rows()


def check_header(data: bytes) -> None:
    """Check that the header of a store is one, or is refused."""
    check_failure(read_header(data))
    check_failure(read_header(data.decode("utf-8", "replace")))


CATALOGUE = (ROOT / "tests" / "config" / "files" / "catalogue.json").read_bytes()
MODELS = b"""- provider: openai
  models:
    - name: gpt-x
      input_price: 1.5
      max_input_tokens: 100
"""


def check_catalogue(data: bytes) -> None:
    """Check that a catalogue is one, or is refused."""
    check_failure(parse_catalogue(data))


def check_models_yaml(data: bytes) -> None:
    """Check that a list of models is one, or is refused."""
    if is_models_yaml(data):
        check_failure(parse_models_yaml(data, parse_catalogue(CATALOGUE).unwrap(), "2026-01-01"))


TOKEN: dict[str, Any] = {"access": "a", "refresh": "b", "obtained": 1.0, "expires": 2.0}
GRANT: dict[str, Any] = {"access_token": "a", "expires_in": 5, "refresh_token": "r", "scope": "s"}
REFUSAL: dict[str, Any] = {"error": "invalid_grant", "error_description": "no", "error_uri": "u"}
ENV = b"# keys\nexport A='b c'\nD = e # tail\nF=\"x\\n\"\nG=\n"
STORE = write_header(Header("local:m", EmbeddingSettings("m", 2, "document"), 5.0)).encode()

TOKENS = (TOKEN, GRANT, REFUSAL, {"client_id": "a", "client_secret": "b"})

FILES: tuple[Row, ...] = (
    ("vault", 1, [Seed(vault_bytes())], check_vault, (*NOISE, b"=", b"/", b"A", b"    ")),
    ("token", 1.5, [*map(seed_of, TOKENS)], check_token, NOISE),
    ("callback", 1, [Seed(b"code=a&state=s"), Seed(b"error=x&state=s&iss=y")], check_callback,
     (b"&", b"=", b"%", b";", b"+", b"code=", b"state=s", b"\0", b"&" * 200, b"%ff")),
    ("env file", 1, [Seed(ENV)], check_env, (*NOISE, b"=", b"export ", b"A" * 300)),
    ("configuration cache", 0.7, [cache_seed()], check_config_cache, NOISE),
    ("kept answer", 1.5, [scan(encode_file(KEPT, "k", 1.0))], check_kept_answer, NOISE),
    ("done row", 1.5, [*map(seed_of, DONE)], check_done, NOISE),
    ("journal", 1.5, journal_seeds(), check_journal, NOISE),
    ("store header", 1, [scan(STORE)], check_header, NOISE),
    ("catalogue", 0.2, [scan(CATALOGUE)], check_catalogue, NOISE),
    ("models.yaml", 0.05, [Seed(MODELS), scan(MODELS)], check_models_yaml, NOISE),
)  # fmt: skip
