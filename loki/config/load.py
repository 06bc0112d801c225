"""1. text -> plain values: the configuration, read strictly; every complaint has its place."""

from __future__ import annotations

import re

from returns.result import Result, Success

from loki.config.grammar import RULES
from loki.config.setting_names import CREDENTIALS, SENSITIVE, is_public, is_reference
from loki.config.yaml_reader import read_yaml
from loki.config.yaml_schema import Complaint
from loki.problems import Problem, fail
from loki.records import Json, JsonObject
from loki.urls import bad_proxy


def load(text: str, path: str) -> Result[JsonObject, Problem]:
    """Parse a configuration; the first complaint is the message, with its place."""
    plain, complaints = check(text)
    if not complaints:
        return Success(plain)
    (line, column), message = complaints[0]
    more = f" (and {len(complaints) - 1} more: loki --check)" if len(complaints) > 1 else ""
    return fail("config", f"{path}:{line}:{column}: {message}{more}")


def check(text: str) -> tuple[JsonObject, tuple[Complaint, ...]]:
    """Return the plain values of a configuration and everything that is wrong with them.

    >>> check("modle: x")[1]
    (Complaint(position=(1, 1), message="unknown key 'modle'; did you mean 'model'?"),)
    """
    bare = text.removeprefix("\ufeff")
    if not re.search(r"^\s*(?!#|---|\.\.\.)\S", bare, re.MULTILINE):
        return {}, ()  # comments only
    return read_yaml(bare, RULES)


def has_literal_secret(plain: JsonObject) -> bool:
    """Return whether the file itself holds a secret: then it is never cached.

    >>> has_literal_secret({"clients": [{"api_key": "sk-1"}]})
    True
    >>> has_literal_secret({"clients": [{"api_key": "{{KEY}}", "api_key_file": "~/key"}]})
    False
    """
    return is_secret(plain.get("clients", []), "")


def is_secret(value: Json, name: str) -> bool:
    """Return whether a value under a name, or anything in it, is a secret in clear text."""
    match value:
        case dict() if name == "request_headers":
            named = ((item, key if is_public(key) else TOKEN) for key, item in value.items())
            return any(is_secret(*item) for item in named)
        case dict():
            return any(is_secret(item, key) for key, item in value.items() if key not in PUBLIC)
        case list():
            return any(is_secret(item, name) for item in value)
        case str():
            if name == "proxy":
                return "@" in value or bad_proxy(value) != ""
            if name in CREDENTIALS:
                return not is_reference(value)
            sensitive = SENSITIVE.search(name) and not name.endswith(("_cmd", "_file"))
            bare = re.sub(r"(?i)\{\{[^{}]*\}\}|\b(?:bearer|basic|token)\b", "", value).strip()
            return bool((sensitive and bare) or SECRET_IN_URL.search(value))
        case _:
            return False


#: The name of a secret, for headers of which anything may be one.
TOKEN = "token"

#: Names that look like a secret's and are none.
PUBLIC = frozenset(("auth", "authorize_url", "authorize_params", "token_url", "token_format"))
SECRET_IN_URL = re.compile(r"(?i)://[^/\s@]*@|[?&][^=&\s]*(?:key|token|secret|sig|pass)[^=&]*=")
