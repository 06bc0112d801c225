"""LOKI_CLIENTS: the clients as JSON, in the shape of the file; they replace those of the file."""

from __future__ import annotations

import json
from collections.abc import Mapping

from returns.result import Result, Success

from loki.json_text import JsonObject
from loki.problems import Problem, fail

CLIENTS = "LOKI_CLIENTS"


def with_given_clients(
    plain: JsonObject | None, environ: Mapping[str, str]
) -> Result[JsonObject | None, Problem]:
    """Return the plain values of a configuration with the clients of LOKI_CLIENTS, if it is set.

    >>> with_given_clients({"model": "a"}, {"LOKI_CLIENTS": '[{"type": "openai"}]'}).unwrap()
    {'model': 'a', 'clients': [{'type': 'openai'}]}
    >>> with_given_clients(None, {"LOKI_CLIENTS": '{"type": "openai"}'}).failure().message
    "LOKI_CLIENTS: expected a JSON list of clients, each as in the configuration's `clients`"
    """
    text = environ.get(CLIENTS)
    if not text:
        return Success(plain)
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, list):
        shape = "a JSON list of clients, each as in the configuration's `clients`"
        return fail("config", f"{CLIENTS}: expected {shape}")
    from loki.config.parse_config import find_complaints  # with all that reads YAML

    # JSON is YAML: one grammar for both
    found, complaints = find_complaints(f"clients: {json.dumps(given, ensure_ascii=False)}")
    if complaints:
        return fail("config", f"{CLIENTS}: {complaints[0].message}")
    return Success({**(plain or {}), "clients": found["clients"]})
