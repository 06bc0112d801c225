"""1. The names of settings, for those who read them and those who say what may stand there."""

from __future__ import annotations

import re

#: Names of headers and settings whose values nobody should see.
SENSITIVE = re.compile(r"(?i)auth|key|token|secret|cookie|pass|credential|signature|subscription")

PATCH_KINDS = ("chat_completions", "embeddings", "rerank")

#: Credentials and addresses: each may also be given as <name>_cmd or <name>_file.
CREDENTIALS = (
    "api_key",
    "access_token",
    "access_key_id",
    "secret_access_key",
    "session_token",
)

SETTINGS = (
    "api_base",
    *CREDENTIALS,
    "auth",
    "organization_id",
    "project_id",
    "location",
    "adc_file",
    "region",
    "profile",
    "api_version",
)

#: Keys of ``extra`` and the fields of Limits that they set.
LIMITS = {
    "proxy": "proxy",
    "connect_timeout": "connect",
    "idle_timeout": "idle",
    "total_timeout": "total",
    "max_retries": "retries",
    "max_wait": "max_wait",
    "ca_bundle": "ca_bundle",
    "client_cert": "client_cert",
    "client_key": "client_key",
    "retry_after_send": "retry_after_send",
}

TOP = (
    "model",
    "temperature",
    "top_p",
    "stream",
    "user_agent",
    "vault_password_file",
    "sync_models_url",
    "budget",
)


def is_public(header: str) -> bool:
    """Return whether a header that goes along with a token says what anybody may know.

    >>> is_public("User-Agent"), is_public("X-Team")
    (True, False)
    """
    return header.lower() in PUBLIC_HEADERS


#: Headers that say who asks and in which way, not by which right.
PUBLIC_HEADERS = frozenset(
    {"accept", "anthropic-beta", "anthropic-version", "content-type", "user-agent", "x-app"}
)


def is_reference(value: str) -> bool:
    """Return whether a value is ``{{NAME}}``: not the secret, but where it is.

    >>> is_reference("{{OPENAI_API_KEY}}"), is_reference("sk-1")
    (True, False)
    """
    return re.fullmatch(r"\s*\{\{[^{}]+\}\}\s*", value) is not None
