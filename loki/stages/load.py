"""1. text -> plain values: the configuration, read strictly; every complaint has its place."""

from __future__ import annotations

import json
import re

from returns.result import Result, Success

from loki.problems import Problem, fail
from loki.records import JsonObject
from loki.stages.configure import CREDENTIALS, is_reference
from loki.stages.grammar import RULES
from loki.stages.schema import Complaint, read_yaml


def load(text: str, path: str) -> Result[JsonObject, Problem]:
    """The plain values of a configuration; the first complaint is the message, at its place."""
    plain, complaints = check(text)
    if not complaints:
        return Success(plain)
    (line, column), message = complaints[0]
    more = f" (and {len(complaints) - 1} more: loki --check)" if len(complaints) > 1 else ""
    return fail("config", f"{path}:{line}:{column}: {message}{more}")


def check(text: str) -> tuple[JsonObject, tuple[Complaint, ...]]:
    """The plain values and everything that is wrong with them.

    >>> check("modle: x")[1]
    (Complaint(spot=(1, 1), message="unknown key 'modle'; did you mean 'model'?"),)
    """
    if not re.search(r"^[^#\s]", text, re.MULTILINE):
        return {}, ()
    return read_yaml(text, RULES)


def has_literal_secret(plain: JsonObject) -> bool:
    """Whether the file itself holds a secret: then nothing of it is kept anywhere else."""
    clients = plain.get("clients", [])
    words = json.dumps([(client.get("patch"), client.get("models")) for client in clients])
    return (
        any(
            name in client and not is_reference(client[name])
            for client in clients
            for name in CREDENTIALS
        )
        or any("@" in str(client.get("extra", {}).get("proxy", "")) for client in clients)
        or any("client_secret" in client.get("oauth", {}) for client in clients)
        or re.search(r"(?i)\"[^\"]*(auth|key|token|secret|cookie)[^\"]*\": \"", words) is not None
    )
