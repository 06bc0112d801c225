"""1. The names of settings, for those who read them and those who say what may stand there."""

from __future__ import annotations

import re
from functools import lru_cache

from loki.price import PRICES
from loki.record import record, replace

#: Parts of the names of headers and settings whose values nobody should see.
SENSITIVE = (
    *("auth", "key", "token", "secret", "cookie", "pass"),
    *("credential", "signature", "subscription"),
)


@lru_cache(256)  # the headers of all requests have few names
def is_sensitive(name: str) -> bool:
    """Return whether nobody should see the value under a name.

    >>> is_sensitive("X-Api-Key"), is_sensitive("api_base")
    (True, False)
    """
    lower = name.lower()
    return any(part in lower for part in SENSITIVE)


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


@record
class ModelSetting:
    """A setting of a model: one row makes its rule in the configuration and in a catalogue that is
    downloaded, the field that it sets, and its place in ``--list-models``.
    """

    name: str  # in the configuration, in the catalogue and in --list-models
    kind: str  # text, count, flag, price, levels, patch, variants, or the words to choose from
    help: str
    field: str = ""  # of Model under the same name ("="), or of Abilities
    unit: str = ""
    configured: bool = True
    catalogued: bool = True
    listed: bool = True


def ability(name: str, field: str, help: str) -> ModelSetting:
    """Return the row of an ability."""
    return ModelSetting(name, "flag", help, field)


def own(name: str, kind: str, help: str) -> ModelSetting:
    """Return the row of a setting that only a user can know."""
    return ModelSetting(name, kind, help, "=", catalogued=False, listed=False)


MODEL_SETTINGS = (
    ModelSetting("name", "text", "name that -m takes", catalogued=False, listed=False),
    ModelSetting("real_name", "text", "name for the provider", catalogued=False, listed=False),
    ModelSetting("type", "chat embedding reranker", "what it does", listed=False),
    ModelSetting("endpoint", "chat responses", "protocol that it speaks", "=", listed=False),
    ModelSetting("max_input_tokens", "count", "longest prompt", "=", "tokens"),
    ModelSetting("max_output_tokens", "count", "longest answer", "=", "tokens"),
    ModelSetting("dimensions", "count", "length of its vectors", configured=False),
    ModelSetting("max_batch_size", "count", "texts in one request", "=", "texts"),
    ModelSetting("max_tokens_per_chunk", "count", "longest text to embed", "=", "tokens"),
    ModelSetting("default_chunk_size", "count", "size of chunks of --chunk", "=", "tokens"),
    *(
        ModelSetting(
            f"{kind}_price",
            "price",
            f"price of {kind.replace('_', ' ')}",
            unit="US dollars" + (" a million tokens" if kind not in ("search", "request") else ""),
            listed=False,
        )
        for kind in PRICES
    ),
    ModelSetting("variants", "variants", "prices of other tiers", configured=False, listed=False),
    replace(own("patch", "patch", "change to each of its requests"), field=""),
    own("require_max_tokens", "flag", "every request must limit the answer"),
    own("no_stream", "flag", "cannot stream"),
    own("no_system_message", "flag", "takes no system prompt: the user's first turn has it"),
    own("system_prompt_prefix", "text", "text before every system prompt"),
    own("default_reasoning_effort", "effort", "reasoning effort where --reasoning is not given"),
    replace(own("default_reasoning_level", "effort", "the same, as Coyote calls it"), field=""),
    ability("supports_vision", "vision", "takes images"),
    ability("supports_function_calling", "tools", "calls tools"),
    ModelSetting("supports_reasoning", "flag", "thinks before it answers"),
    ability("supports_pdf", "pdf", "takes PDF files"),
    ability("supports_audio", "audio", "takes sounds"),
    ability("supports_schema", "schema", "keeps to a JSON Schema"),
    ability("supports_schema_with_tools", "schema_with_tools", "takes a schema and tools at once"),
    ability("supports_forced_tools", "forced_tools", "can be made to call a tool"),
    ability("supports_sampling_params", "sampling", "takes temperature and top_p"),
    ModelSetting("reasoning_levels", "levels", "values of --reasoning that it knows"),
)

#: The settings that are fields of Model under the same name.
MODEL_FIELDS = tuple(each.name for each in MODEL_SETTINGS if each.field == "=")

#: The settings that are abilities, and the fields of Abilities that they set.
ABILITY_SETTINGS = {each.name: each.field for each in MODEL_SETTINGS if each.field not in ("", "=")}

#: Values of ``--reasoning`` but for tokens, the weakest first.
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

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
