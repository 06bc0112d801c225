"""1b. The configuration's grammar: every key, and what may stand there."""

from __future__ import annotations

from typing import Any

from loki.config import yaml_schema as yaml
from loki.config.setting_names import (
    CREDENTIALS,
    EFFORTS,
    MODEL_SETTINGS,
    PATCH_KINDS,
    SETTINGS,
    TOP,
)
from loki.providers import TYPES

PATCH = yaml.mapping({"url": yaml.text, "body": yaml.json_object, "headers": yaml.headers})

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
    "effort": yaml.one_of(*EFFORTS),
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
            ("connect_timeout", "idle_timeout", "total_timeout", "max_wait"), yaml.number()
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
        **dict.fromkeys(("authorize_url", "token_url", "redirect_uri"), yaml.text),
        "scopes": yaml.text_list,
        "token_format": yaml.one_of("form", "json"),
        **dict.fromkeys(("authorize_params", "request_headers"), yaml.headers),
    }
)

CLIENT = yaml.mapping(
    {
        "type": yaml.one_of(*TYPES),
        "name": yaml.text,
        **dict.fromkeys((*SETTINGS, *SECRET_FORMS), yaml.text),
        "auth": yaml.one_of("api_key", "oauth", "entra", "google", "aws"),
        "models": yaml.sequence(MODEL),
        "patch": yaml.mapping(dict.fromkeys(PATCH_KINDS, yaml.by_pattern(PATCH))),
        "extra": EXTRA,
        "oauth": OAUTH,
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
            report(yaml.position_of(node, i, position), f"client {name!r}: a name has no colon")
        if name in names:
            how = "give each a name of its own"
            report(yaml.position_of(node, i, position), f"a second client named {name!r}: {how}")
        names.append(name)
    return values


TOP_RULES: dict[str, yaml.Rule] = {
    "model": yaml.text,
    "temperature": yaml.number(0, 2),
    "top_p": yaml.number(0, 1),
    "stream": yaml.flag,
    "user_agent": yaml.text,
    "vault_password_file": yaml.text,
    "sync_models_url": yaml.text,
    "reasoning_effort": yaml.one_of(*EFFORTS),
    "budget": yaml.mapping(
        {"per_day": yaml.price, "per_month": yaml.price, "allow_unpriced": yaml.flag}
    ),
}

assert set(TOP_RULES) == set(TOP)

#: What only the original's chat program uses; accepted and left alone.
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
    ]
)

RULES = yaml.mapping(
    {
        **TOP_RULES,
        "clients": clients,
    },
    ignored=CHAT_ONLY,
)
