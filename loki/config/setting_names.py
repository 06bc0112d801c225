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
    "read_timeout": "idle",
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
    "reasoning_effort",
)


#: Coyote's names of settings of ``oauth``, and ours.
OAUTH_ALIASES = {
    "token_request_format": "token_format",
    "extra_authorize_params": "authorize_params",
    "extra_request_headers": "request_headers",
    "extra_token_headers": "token_headers",
}


#: Where else secrets may be kept, by Coyote's names, and the command that does the same here.
SECRETS_PROVIDERS = {
    "aws_secrets_manager": "aws secretsmanager get-secret-value --query SecretString --output text"
    " --secret-id NAME",
    "gcp_secret_manager": "gcloud secrets versions access latest --secret=NAME",
    "azure_key_vault": "az keyvault secret show --vault-name VAULT --name NAME --query value"
    " -o tsv",
    "gopass": "gopass show -o NAME",
    "one_password": "op read op://VAULT/NAME/password",
}


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
