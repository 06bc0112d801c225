"""1b. The configuration's grammar: every key, and what may stand there."""

from __future__ import annotations

from typing import Any

from loki.config import yaml_schema as yaml
from loki.config.setting_names import (
    CREDENTIALS,
    EFFORTS,
    MODEL_SETTINGS,
    OAUTH_ALIASES,
    PATCH_KINDS,
    SECRETS_PROVIDERS,
    SETTINGS,
    TOP,
)
from loki.providers import ALIASES, TYPES
from loki.urls import mask_malformed_url

#: What Coyote patches in requests to Responses: left alone, for a patch here is of one endpoint.
ENDPOINT_PATCH = frozenset({"responses"})

PATCH = yaml.mapping(
    {"url": yaml.text, "body": yaml.json_object, "headers": yaml.headers},
    ignored=ENDPOINT_PATCH,
)

SECRET_FORMS = tuple(
    f"{name}{end}" for name in ("api_base", *CREDENTIALS) for end in ("_cmd", "_file")
)

#: What may stand in a setting of a model, by the setting's kind; else one of its words.
KINDS: dict[str, yaml.Rule] = {
    "text": yaml.text,
    "count": yaml.whole_number,
    "flag": yaml.flag,
    "price": yaml.price,
    "patch": PATCH,
    "effort": yaml.effort,
    "levels": yaml.sequence(yaml.one_of(*EFFORTS)),
}

MODEL = yaml.mapping(
    {
        setting.name: KINDS.get(setting.kind) or yaml.one_of(*setting.kind.split())
        for setting in MODEL_SETTINGS
        if setting.configured
    },
    required=("name",),
)


EXTRA = yaml.mapping(
    {
        **dict.fromkeys(("proxy", "ca_bundle", "client_cert", "client_key"), yaml.text),
        **dict.fromkeys(
            ("connect_timeout", "idle_timeout", "read_timeout", "total_timeout", "max_wait"),
            yaml.number(),
        ),
        "max_retries": yaml.whole_number,
        "retry_after_send": yaml.flag,
    }
)

OAUTH = yaml.mapping(
    {
        **dict.fromkeys(
            ("client_id", "client_secret", "client_secret_cmd", "client_secret_file"), yaml.text
        ),
        **dict.fromkeys(
            ("authorize_url", "token_url", "device_authorization_url", "redirect_uri", "issuer"),
            yaml.text,
        ),
        "redirect_port": yaml.whole_number,
        "scopes": yaml.text_list,
        "flow": yaml.one_of("pkce", "client_credentials", "device_code"),
        **dict.fromkeys(("token_format", "token_request_format"), yaml.one_of("form", "json")),
        **dict.fromkeys(("authorize_params", "extra_authorize_params"), yaml.headers),
        **dict.fromkeys(("request_headers", "extra_request_headers"), yaml.headers),
        **dict.fromkeys(("token_headers", "extra_token_headers"), yaml.headers),
        **dict.fromkeys(
            (
                "echo_pkce_in_token_exchange",
                "use_pkce_in_device_flow",
                "include_state_in_token_exchange",
            ),
            yaml.flag,
        ),
    },
    foreign=frozenset(OAUTH_ALIASES),
)


def oauth(node: Any, position: yaml.Position, report: yaml.Report) -> dict[str, Any]:
    """Return the settings of a login by our names, which go before those of Coyote."""
    values: dict[str, Any] = OAUTH(node, position, report)
    own = {name: value for name, value in values.items() if name not in OAUTH_ALIASES}
    foreign = {OAUTH_ALIASES[name]: values[name] for name in values.keys() - own.keys()}
    return {**foreign, **own}


CLIENT = yaml.mapping(
    {
        "type": yaml.one_of(*TYPES, aliases=tuple(ALIASES)),
        "name": yaml.text,
        **dict.fromkeys((*SETTINGS, *SECRET_FORMS), yaml.text),
        "auth": yaml.one_of("api_key", "oauth", "entra", "google", "aws"),
        "models": yaml.sequence(MODEL),
        "patch": yaml.mapping(
            dict.fromkeys(PATCH_KINDS, yaml.by_pattern(PATCH)), ignored=ENDPOINT_PATCH
        ),
        "extra": EXTRA,
        "oauth": oauth,
    },
    required=("type",),
)


def clients(node: Any, position: yaml.Position, report: yaml.Report) -> list[Any]:
    """Return the clients; each must have a name of its own, which -m can name."""
    values: list[Any] = yaml.sequence(CLIENT)(node, position, report)
    names: list[str] = []
    for i, client in enumerate(values):
        name = client.get("name", client.get("type", ""))
        if ":" in name:
            shown = mask_malformed_url(name) if "@" in name else name  # it may be an address
            report(yaml.position_of(node, i, position), f"client {shown!r}: a name has no colon")
        if name in names:
            how = "give each a name of its own"
            report(yaml.position_of(node, i, position), f"a second client named {name!r}: {how}")
        names.append(name)
    return values


SECRETS_PROVIDER = yaml.mapping(
    {
        "type": yaml.one_of("local", *SECRETS_PROVIDERS),
        **dict.fromkeys(
            (
                *("password_file", "aws_profile", "aws_region", "gcp_project_id"),
                *("vault_name", "store", "vault", "account"),
            ),
            yaml.text,
        ),
    }
)


TOP_RULES: dict[str, yaml.Rule] = {
    "model": yaml.text,
    "temperature": yaml.number(0, 2),
    "top_p": yaml.number(0, 1),
    "stream": yaml.flag,
    "user_agent": yaml.text,
    "vault_password_file": yaml.text,
    "sync_models_url": yaml.text,
    "budget": yaml.mapping(
        {"per_day": yaml.price, "per_month": yaml.price, "allow_unpriced": yaml.flag}
    ),
    "reasoning_effort": yaml.effort,
}

assert set(TOP_RULES) == set(TOP)

#: What only the chat programs use, the original's and its successor's; accepted and left alone.
CHAT_ONLY = frozenset(
    [
        "save",
        "keybindings",
        "editor",
        "wrap",
        "wrap_code",
        "repl_prelude",
        "cmd_prelude",
        "prelude",
        "agent_prelude",
        "agent_session",
        "highlight",
        "light_theme",
        "theme",
        "save_shell_history",
        "left_prompt",
        "right_prompt",
        "function_calling",
        "function_calling_support",
        "mapping_tools",
        "enabled_tools",
        "use_tools",
        "visible_tools",
        "mcp_server_support",
        "mapping_mcp_servers",
        "enabled_mcp_servers",
        "use_mcp_servers",
        "save_session",
        "compression_threshold",
        "compress_threshold",
        "summarization_prompt",
        "summarize_prompt",
        "summary_context_prompt",
        "summary_prompt",
        "rag_embedding_model",
        "rag_reranker_model",
        "rag_top_k",
        "rag_chunk_size",
        "rag_chunk_overlap",
        "rag_template",
        "document_loaders",
        "serve_addr",
        *("raw_markdown", "no_workspace_mcp", "skills_enabled", "visible_skills"),
        *("enabled_skills", "inject_skill_instructions", "skill_instructions", "enabled_macros"),
        *("auto_continue", "max_auto_continues", "inject_todo_instructions"),
        *("continuation_prompt", "compression_keep_last", "max_tool_result_chars"),
        *("memory", "memory_cap_with_tools", "memory_cap_without_tools"),
        *("workspace_instructions", "workspace_instructions_files"),
        *("rag_extractor_model", "rag_extractor_prompt", "rag_graph_hops"),
    ]
)

RULES = yaml.mapping(
    {
        **TOP_RULES,
        "secrets_provider": SECRETS_PROVIDER,
        "clients": clients,
    },
    ignored=CHAT_ONLY,
    foreign=frozenset({"secrets_provider"}),
)
