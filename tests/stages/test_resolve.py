"""Which client and model an ask names, within which limits; and how a conversation is arranged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from returns.result import Result, Success

from loki.abilities import Abilities
from loki.config.build_config import build_config
from loki.config.catalogue import Catalogue
from loki.config.parse_config import find_complaints
from loki.edge.files import read_catalogue
from loki.messages import Media, Message, Text, Tool
from loki.money.count_tokens import estimate_tokens
from loki.price import Price
from loki.problems import Problem
from loki.providers import KNOWN, TYPES, provider_of
from loki.records import Ask, Config, Limits, Model, Patch, Setting, Target, Task
from loki.stages import resolve
from loki.stages.draft import adapt_system_messages, draft
from loki.stages.resolve import DEFAULT_LIMITS

CONFIGS = Path(__file__).parent.parent / "config" / "files"
CATALOGUE = (CONFIGS / "catalogue.json").read_text()
HI = (Message("user", "Hi"),)


def mended(*values: Any, was: str) -> Any:
    """Parameters that failed once, and why."""
    assert was
    return pytest.param(*values)


def config(name: str = "resolve", **top: Any) -> Config:
    """A configuration on disk, with more at its top."""
    plain, complaints = find_complaints((CONFIGS / f"{name}.yaml").read_text())
    assert complaints == ()
    return build_config({**plain, **top}, "c.yaml", {}, CATALOGUE).unwrap()


def found(model: str | None, task: Task = "chat", **more: Any) -> Result[Target, Problem]:
    """What an ask for a model resolves to."""
    return resolve(config(), task)(replace(Ask(HI, model=model), **more))


def alone(client: Mapping[str, Any], model: str | None = None, **top: Any) -> Result[Target, Any]:
    """What an ask resolves to where there is one client."""
    plain = {"clients": [dict(client)], **top}
    read = build_config(plain, "c.yaml", {}, CATALOGUE)
    return read.bind(lambda known: resolve(known)(Ask(HI, model=model)))


# ---- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "task", "name", "real"),
    [
        ("openai:big", "chat", "openai:big", "big"),
        ("openai", "chat", "openai:big", "big"),
        ("openai:", "chat", "openai:big", "big"),
        ("openai", "embedding", "openai:embedder", "embedder"),
        ("ollama:llama3:8b", "chat", "ollama:llama3:8b", "llama3:8b"),
        ("ollama:llama3:70b:q4", "chat", "ollama:llama3:70b:q4", "llama3:70b:q4"),
        ("ollama", "chat", "ollama:llama3:8b", "llama3:8b"),
        ("ollama", "embedding", "ollama:embed:8b", "embed:8b"),
        ("ollama", "reranker", "ollama:rank", "rank"),
        ("groq", "chat", "groq:llama", "llama"),
        ("tuned:fast", "chat", "tuned:fast", "big"),
        ("tuned:big", "chat", "tuned:big", "org/other"),
        ("work:anything:new", "chat", "work:anything:new", "anything:new"),
        ("openai:bgi", "chat", "openai:bgi", "bgi"),
        ("openai:BIG", "chat", "openai:BIG", "BIG"),
        ("openai:ft:big:org::id", "chat", "openai:ft:big:org::id", "ft:big:org::id"),
        ("openai:new-embedder", "embedding", "openai:new-embedder", "new-embedder"),
        ("groq:lama", "chat", "groq:lama", "lama"),
        ("groq:ranker", "reranker", "groq:ranker", "ranker"),
    ],
)
def test_a_name_leads_to_a_client_and_a_model(asked: str, task: Task, name: str, real: str) -> None:
    target = found(asked, task).unwrap()
    assert (target.name, target.model.real_name, target.model.type) == (name, real, task)


@pytest.mark.parametrize(
    ("top", "asked", "name"),
    [
        ({"model": "ollama"}, None, "ollama:llama3:8b"),
        ({"model": "tuned:own"}, None, "tuned:own"),
        ({"model": "tuned:own"}, "openai:big", "openai:big"),
        ({"model": "tuned:own"}, "", "tuned:own"),
    ],
)
def test_the_default_is_the_configuration_s(
    top: dict[str, Any], asked: str | None, name: str
) -> None:
    assert resolve(config(**top))(Ask(HI, model=asked)).unwrap().name == name


def test_an_only_client_is_the_default() -> None:
    assert alone({"type": "openai"}).unwrap().name == "openai:big"


CAPITALS = "difflib tells capitals apart: no `did you mean`"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (None, "no model: name one with -m client:model, LOKI_MODEL, or `model` in the config"),
        ("opnai:big", "no client named 'opnai'; did you mean 'openai'?"),
        ("zzz:big", "no client named 'zzz'; known: openai, ollama, work, groq, tuned"),
        (":big", "no client named ''; known: openai, ollama, work, groq, tuned"),
        ("ollama:llama3", "client 'ollama' has no model 'llama3'; did you mean 'llama3:8b'"),
        ("ollama:zzz", "client 'ollama' has no model 'zzz'; known: llama3:8b, llama3:70b:q4"),
        ("tuned:ft:big:org::id", "client 'tuned' has no model 'ft:big:org::id'"),
        ("llama3:8b", "no client named 'llama3'; did you mean ollama:llama3:8b?"),
        ("own", "no client named 'own'; did you mean tuned:own?"),
        ("rank", "no client named 'rank'; did you mean ollama:rank?"),
        mended(
            "blind",
            "no client named 'blind'; did you mean openai:blind or work:blind?",
            was="hint() looks at configured models only, not at the catalogue's",
        ),
        mended(
            "llama",
            "no client named 'llama'; did you mean groq:llama?",
            was="hint() looks at configured models only, not at the catalogue's",
        ),
        mended("OPENAI:big", "no client named 'OPENAI'; did you mean 'openai'?", was=CAPITALS),
        mended(
            "ollama:LLAMA3:8B",
            "client 'ollama' has no model 'LLAMA3:8B'; did you mean 'llama3:8b'",
            was=CAPITALS,
        ),
    ],
)
def test_an_unknown_name_is_told_with_its_nearest(asked: str | None, message: str) -> None:
    problem = found(asked).failure()
    assert problem.kind == "config"
    assert problem.message.startswith(message)


def test_a_model_of_two_clients_is_hinted_at_with_both() -> None:
    client = {"type": "openai", "models": [{"name": "m"}]}
    plain = {"clients": [client, {**client, "name": "b"}]}
    known = build_config(plain, "c.yaml", {}).unwrap()
    problem = resolve(known)(Ask(HI, model="m")).failure()
    assert problem.message == "no client named 'm'; did you mean openai:m or b:m?"


def test_a_wrong_default_names_where_it_stands() -> None:
    problem = resolve(config(model="zzz"))(Ask(HI)).failure()
    assert problem.kind == "config"
    assert problem.message.startswith("no client named 'zzz' (`model` of c.yaml)")


def test_a_wrong_model_of_a_variable_names_the_variable() -> None:
    plain = {"model": "a:b", "clients": [{"type": "openai"}]}
    known = build_config(plain, "c.yaml", {"LOKI_MODEL": "zzz"}).unwrap()
    problem = resolve(known)(Ask(HI)).failure()
    assert problem.message.startswith("no client named 'zzz' (LOKI_MODEL)")
    assert "(LOKI_MODEL)" not in resolve(known)(Ask(HI, model="zzz")).failure().message


@pytest.mark.parametrize("plain", [{}, {"clients": []}, {"model": None}])
def test_no_clients_is_said_as_it_is(plain: dict[str, Any]) -> None:
    known = build_config(plain, "c.yaml", {}).unwrap()
    problem = resolve(known)(Ask(HI)).failure()
    assert (problem.kind, problem.message) == ("config", "no clients in c.yaml")


def test_no_clients_is_said_also_where_a_model_is_named() -> None:
    problem = resolve(build_config({}, "c.yaml", {}).unwrap())(Ask(HI, model="openai")).failure()
    message = "no client named 'openai': there are no clients in c.yaml"
    assert (problem.kind, problem.message) == ("config", message)


@pytest.mark.parametrize(
    ("asked", "task", "message"),
    [
        (
            "openai:embedder",
            "chat",
            "openai:embedder is an embedding model, not a chat model; "
            "known: openai:big, openai:blind, openai:unsure",
        ),
        (
            "ollama:rank",
            "embedding",
            "ollama:rank is a reranker model, not an embedding model; known: ollama:embed:8b",
        ),
        ("groq:llama", "reranker", "groq:llama is a chat model, not a reranker model"),
    ],
)
def test_a_model_that_is_for_something_else_is_a_wrong_use(
    asked: str, task: Task, message: str
) -> None:
    problem = found(asked, task).failure()
    assert (problem.kind, problem.message) == ("usage", message)


def test_without_a_configuration_the_command_that_writes_one_is_named() -> None:
    problem = resolve(build_config(None, "", {}).unwrap())(Ask(HI)).failure()
    assert problem.message.endswith("`model` in the configuration; loki --init writes one")
    problem = resolve(build_config(None, "/a/config.yaml", {}).unwrap())(Ask(HI)).failure()
    end = "in the configuration; no configuration at /a/config.yaml; loki --init writes one"
    assert problem.message.endswith(end)


def test_a_client_without_a_fitting_model_says_how_to_name_one() -> None:
    problem = found("groq", "reranker").failure()
    assert problem.kind == "config"
    assert problem.message == "client 'groq' lists no reranker model: name one, as groq:MODEL"


@pytest.mark.parametrize("name", TYPES)
def test_without_a_file_every_type_resolves_or_says_what_is_wanting(name: str) -> None:
    known = build_config(None, "c.yaml", {"LOKI_PLATFORM": name}, read_catalogue()).unwrap()
    result = resolve(known)(Ask(HI))
    message = result.map(lambda target: target.name).lash(lambda problem: Success(problem.message))
    assert name in message.unwrap()
    if name in ("openai", "claude") and provider_of(known.clients[0]):
        assert result.unwrap().client.name == name


@pytest.mark.parametrize("name", sorted(set(KNOWN) - {"cloudflare", "databricks"}))
def test_a_known_name_brings_its_address(name: str) -> None:
    known = build_config(None, "c.yaml", {"LOKI_PLATFORM": name}, read_catalogue()).unwrap()
    listed = [model for model in known.models(known.clients[0]) if model.type == "chat"]
    model = f"{name}:{listed[0].name if listed else 'm'}"
    result = resolve(known)(Ask(HI, model=model)).bind(draft)
    assert result.unwrap().url.startswith(KNOWN[name].api_base)


# ---- addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "message"),
    [
        (
            {"type": "openai-compatible", "name": "mine"},
            "client 'mine' needs an api_base: the address of its API",
        ),
        (
            {"type": "azure-openai"},
            "client 'azure-openai' needs an api_base: the address of its API",
        ),
        (
            {"type": "openai-compatible", "name": "cloudflare", "models": [{"name": "m"}]},
            "api_base of client 'cloudflare' has a gap to fill in: "
            "https://api.cloudflare.com/client/v4/accounts/{ACCOUNT_ID}/ai/v1",
        ),
        (
            {"type": "azure-openai", "api_base": "https://{RESOURCE}.openai.azure.com"},
            "api_base of client 'azure-openai' has a gap to fill in: "
            "https://{RESOURCE}.openai.azure.com",
        ),
    ],
)
def test_an_address_that_is_wanting_is_a_problem_of_the_configuration(
    client: dict[str, Any], message: str
) -> None:
    problem = alone(client, f"{client.get('name', client['type'])}:m").failure()
    assert (problem.kind, problem.message) == ("config", message)


@pytest.mark.parametrize("form", ["{{BASE}}", "{{ BASE }}"])
def test_an_address_may_be_looked_up_later(form: str) -> None:
    client = {"type": "openai-compatible", "name": "mine", "api_base": form}
    setting = alone(client, "mine:m").unwrap().client.settings["api_base"]
    assert (setting.value, setting.source) == ("BASE", "name")


@pytest.mark.parametrize(
    "client",
    [
        {"type": "openai", "organization_id": "{{MY_NAME}}"},
        {"type": "openai", "project_id": "{{MY_NAME}}"},
        {"type": "azure-openai", "api_base": "https://a.example", "api_version": "{{MY_NAME}}"},
    ],
)
def test_a_reference_in_any_setting_is_never_sent_as_its_name(client: dict[str, Any]) -> None:
    client = {**client, "models": [{"name": "m"}]}
    problem = build_config({"clients": [client]}, "c.yaml", {}).failure()
    assert problem.kind == "config" and "no environment variable MY_NAME" in problem.message
    known = build_config({"clients": [client]}, "c.yaml", {"MY_NAME": "looked-up"}).unwrap()
    drafted = draft(resolve(known)(Ask(HI, model=f"{client['type']}:m")).unwrap()).unwrap()
    words = f"{drafted.url} {dict(drafted.headers)}"
    assert "MY_NAME" not in words and "looked-up" in words


# ---- what a model is -------------------------------------------------------------------------


def test_every_setting_of_a_model_is_kept() -> None:
    client = config("settings").clients[0]
    first, second, third = Catalogue(CATALOGUE).models(client)
    assert first == Model(
        name="m",
        real_name="org/m",
        type="chat",
        price=Price(Decimal("0.15"), Decimal("1"), Decimal(0), Decimal("0.20")),
        patch=Patch("https://m.example", {"a": 1}, {"X": "1"}, "patch of the model"),
        max_input_tokens=128_000,
        max_output_tokens=4096,
        require_max_tokens=True,
        abilities=Abilities(vision=True, tools=False),
        no_stream=True,
        no_system_message=True,
        system_prompt_prefix="Be brief.\nBe kind.\n",
        endpoint="responses",
        origin="models of client all",
    )
    assert (second.name, second.type) == ("e", "embedding")
    assert (third.name, third.type, third.price) == ("r", "reranker", Price())


def model_of(name: str) -> Model:
    """A model by client:model."""
    return found(name).unwrap().model


def test_an_alias_has_what_the_catalogue_knows_of_its_real_name_and_its_own_over_it() -> None:
    fast = model_of("tuned:fast")
    assert fast.price == Price(Decimal(2), Decimal(9))
    assert (fast.max_input_tokens, fast.supports_vision) == (1000, True)
    assert fast.origin == "models of client tuned and catalogue"
    assert model_of("tuned:big").max_input_tokens is None
    assert model_of("tuned:big-one").supports_vision is False
    assert model_of("tuned:big-one").supports_function_calling is True


def test_an_alias_is_sent_by_its_real_name() -> None:
    assert draft(found("tuned:fast").unwrap()).unwrap().body["model"] == "big"


@pytest.mark.parametrize(
    ("name", "sees", "calls"),
    [
        ("openai:big", True, True),
        ("openai:blind", False, True),
        ("openai:unsure", None, None),
        ("tuned:own", False, False),
        ("tuned:all", True, False),
        ("tuned:fast", True, True),
        ("work:unheard-of", None, None),
    ],
)
def test_abilities_are_told_untold_or_unknown(
    name: str, sees: bool | None, calls: bool | None
) -> None:
    model = model_of(name)
    assert (model.supports_vision, model.supports_function_calling) == (sees, calls)
    image = Message("user", (Text("What is it?"), Media("image/png", b"\x89")))
    paper = Message("user", (Media("application/pdf", b"%PDF"),))
    tools = (Tool("f", "", {}),)
    with_image = found(name, messages=(image,))
    with_tools = found(name, tools=tools)
    if sees is False:
        assert with_image.failure().kind == "usage"
        assert with_image.failure().message == (
            f"{name} takes no images; if it does, set supports_vision: true"
        )
    else:
        assert with_image.unwrap().name == name
    if calls is False:
        assert with_tools.failure().kind == "usage"
        assert with_tools.failure().message == (
            f"{name} calls no tools; if it does, set supports_function_calling: true"
        )
    else:
        assert with_tools.unwrap().ask.tools == tools
    assert found(name, messages=(paper,)).unwrap().name == name


BASES = """{
"clients": {
"openai": {
"pro": {"type": "chat", "endpoint": "responses", "max_output_tokens": 9, "input_price": 2, "output_price": 8, "supports_vision": true, "supports_function_calling": false},
"pro-2025-01-02": {"type": "chat", "input_price": 3, "output_price": 9, "supports_vision": false, "supports_function_calling": true}
}
}
}
"""  # noqa: E501


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("ft:pro:org::id", "pro"),
        ("ft:pro-2025-01-02:org:name:id", "pro-2025-01-02"),
        ("ft:pro-2026-07-08:org::id", "pro"),
        ("pro-2026-07-08", "pro"),
        ("pro-20260708", "pro"),
        ("pro@20260708", "pro"),
        ("pro-8", None),
        ("ft:other:org::id", None),
        ("ft:pro", None),
        ("professor", None),
    ],
)
def test_an_unlisted_model_can_do_what_its_base_can_but_has_no_price(
    name: str, base: str | None
) -> None:
    """A fine-tune costs more than its base, and models of another date have cost otherwise."""
    known = build_config({"clients": [{"type": "openai"}]}, "c.yaml", {}, BASES).unwrap()
    target = resolve(known)(Ask(HI, model=f"openai:{name}")).unwrap()
    listed = {each.name: each for each in known.models(known.clients[0])}
    like = listed[base] if base else Model("", "")
    same = replace(like, name=name, real_name=name, price=Price(), origin=target.model.origin)
    assert target.model == same
    assert target.model.origin == (f"as given, like {base}" if base else "as given")
    drafted = draft(target).unwrap()
    assert drafted.body["model"] == name
    assert drafted.url.endswith("/responses") == (base == "pro")


def test_a_base_of_another_type_tells_nothing() -> None:
    target = found("openai:ft:embedder:org::id").unwrap()
    assert (target.model.type, target.model.max_input_tokens) == ("chat", None)


@pytest.mark.parametrize(
    ("choice", "tools", "message"),
    [
        ("auto", 0, "--tool-choice needs --tools"),
        ("g", 1, "--tool-choice: no tool 'g'; known: find"),
        ("fnd", 1, "--tool-choice: no tool 'fnd'; did you mean 'find'?"),
    ],
)
def test_a_choice_needs_a_tool_to_choose(choice: str, tools: int, message: str) -> None:
    asked = found("openai:big", tools=(Tool("find", "", {}),) * tools, tool_choice=choice)
    assert (asked.failure().kind, asked.failure().message) == ("usage", message)


# ---- defaults and limits ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "asked", "settled"),
    [
        ("tuned:long", None, 77),
        ("tuned:long", 5, 5),
        ("tuned:longer", None, None),
        ("tuned:priced", None, None),
        ("openai:big", None, None),
    ],
)
def test_only_a_model_that_requires_a_length_is_told_one(
    name: str, asked: int | None, settled: int | None
) -> None:
    assert found(name, max_tokens=asked).unwrap().ask.max_tokens == settled


@pytest.mark.parametrize("asked", [True, False, None])
@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize("name", ["tuned:slow", "tuned:own"])
def test_a_stream_is_as_asked_then_as_configured_never_where_there_is_none(
    name: str, default: bool, asked: bool | None
) -> None:
    target = resolve(config(stream=default))(Ask(HI, model=name, stream=asked)).unwrap()
    assert target.ask.stream == ((default if asked is None else asked) and name != "tuned:slow")


@pytest.mark.parametrize(
    ("asked", "settled"),
    [({}, (0.5, 0.6)), ({"temperature": 0.0}, (0.0, 0.6)), ({"top_p": 1.0}, (0.5, 1.0))],
)
def test_sampling_is_as_asked_then_as_configured(
    asked: dict[str, Any], settled: tuple[float, float]
) -> None:
    ask = replace(Ask(HI, model="tuned:own"), **asked)
    found_ = resolve(config(temperature=0.5, top_p=0.6))(ask).unwrap().ask
    assert (found_.temperature, found_.top_p) == settled


def test_sampling_is_left_to_the_model_where_nobody_says() -> None:
    ask = found("tuned:own").unwrap().ask
    assert (ask.temperature, ask.top_p, ask.max_tokens) == (None, None, None)


@pytest.mark.parametrize(("expected", "agent"), [(None, "auto"), ("auto", "auto"), ("x/1", "x/1")])
def test_the_user_agent_is_ours_unless_set(expected: str | None, agent: str) -> None:
    assert (
        resolve(config(user_agent=expected))(Ask(HI, model="openai")).unwrap().user_agent == agent
    )


CONFIGURED = {
    "connect_timeout": 1.0,
    "idle_timeout": 2.0,
    "max_retries": 0,
    "proxy": "-",
    "retry_after_send": True,
}


@pytest.mark.parametrize(
    ("extra", "asked", "limits"),
    [
        ({}, Limits(), DEFAULT_LIMITS),
        (
            CONFIGURED,
            Limits(),
            replace(DEFAULT_LIMITS, connect=1, idle=2, retries=0, proxy="-", retry_after_send=True),
        ),
        (
            CONFIGURED,
            Limits(connect=9, total=8, retries=7, proxy="", retry_after_send=False),
            Limits(9, 2.0, 8, 7, 60, "", retry_after_send=False),
        ),
        ({}, Limits(retries=0, max_wait=0), replace(DEFAULT_LIMITS, retries=0, max_wait=0)),
        ({"proxy": ""}, Limits(), replace(DEFAULT_LIMITS, proxy="")),
    ],
)
def test_limits_are_as_asked_then_the_client_s_then_ours(
    extra: dict[str, Any], asked: Limits, limits: Limits
) -> None:
    known = build_config({"clients": [{"type": "openai", "extra": extra}]}, "c.yaml", {}, CATALOGUE)
    target = known.bind(lambda each: resolve(each)(Ask(HI, limits=asked))).unwrap()
    assert asdict(target.limits) == asdict(limits)


def test_a_call_that_nobody_limits_has_ten_minutes_in_all() -> None:
    limits = found("openai").unwrap().limits
    assert (limits.connect, limits.idle, limits.total) == (10, 300, 600)
    assert (limits.retries, limits.max_wait, limits.retry_after_send) == (3, 60, False)


# ---- sizes and costs -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("日本", 1), ("日本語x", 2)]
)
def test_tokens_are_estimated(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


@pytest.mark.parametrize(("letters", "fits"), [(1, True), (40, True), (41, False), (9000, False)])
def test_a_prompt_over_the_limit_is_not_sent(letters: int, fits: bool) -> None:
    result = found("ollama:llama3:8b", messages=(Message("user", "x" * letters),))
    if fits:
        assert result.unwrap().name == "ollama:llama3:8b"
        return
    problem = result.failure()
    assert problem.kind == "input"
    assert problem.message == (
        f"the prompt has about {-(-letters // 4):,} tokens, ollama:llama3:8b takes 10"
        " (max_input_tokens)"
    )


def test_every_turn_counts() -> None:
    turns = (Message("system", "x" * 20), Message("user", "x" * 20), Message("user", "x"))
    assert found("ollama:llama3:8b", messages=turns).failure().kind == "input"


# ---- the conversation ------------------------------------------------------------------------

Turns = list[tuple[str, str]]


@pytest.mark.parametrize(
    ("name", "asked", "arranged"),
    [
        ("own", [("system", "S"), ("user", "U")], [("system", "S"), ("user", "U")]),
        ("prefixed", [("user", "U")], [("system", "Be brief."), ("user", "U")]),
        (
            "prefixed",
            [("system", "S"), ("user", "U")],
            [("system", "Be brief.\n\nS"), ("user", "U")],
        ),
        (
            "prefixed",
            [("developer", "D"), ("user", "U")],
            [("developer", "Be brief.\n\nD"), ("user", "U")],
        ),
        ("plain", [("user", "U")], [("user", "U")]),
        ("plain", [("system", "S"), ("user", "U")], [("user", "S\n\nU")]),
        ("plain", [("developer", "D"), ("user", "U")], [("user", "D\n\nU")]),
        ("told", [("user", "U")], [("user", "Be brief.\n\nU")]),
        ("told", [("system", "S"), ("user", "U")], [("user", "Be brief.\n\nS\n\nU")]),
        (
            "plain",
            [("system", "S"), ("user", "U"), ("assistant", "A"), ("user", "V")],
            [("user", "S\n\nU"), ("assistant", "A"), ("user", "V")],
        ),
        mended(
            "plain",
            [("system", "S"), ("system", "T"), ("user", "U")],
            [("user", "S\n\nT\n\nU")],
            was="the first system message goes into the second, which stays one",
        ),
        mended(
            "plain",
            [("system", "S")],
            [("user", "S")],
            was="a system message alone stays one, though the model takes none",
        ),
        mended(
            "plain",
            [("system", "S"), ("assistant", "A"), ("user", "U")],
            [("user", "S"), ("assistant", "A"), ("user", "U")],
            was="the system prompt is put into the mouth of the assistant",
        ),
    ],
)
def test_prefix_and_system_prompt_are_where_the_model_takes_them(
    name: str, asked: Turns, arranged: Turns
) -> None:
    model = model_of(f"tuned:{name}")
    messages = adapt_system_messages(tuple(Message(role, text) for role, text in asked), model)
    assert [(message.role, message.text) for message in messages] == arranged


def test_media_stay_behind_the_system_prompt() -> None:
    image = Media("image/png", b"\x89")
    turns = (Message("system", "S"), Message("user", (image, Text("U"))))
    (turn,) = adapt_system_messages(turns, model_of("tuned:plain"))
    assert turn.parts == (Text("S"), image, Text("U"))


def test_settings_of_a_target_never_show_their_values() -> None:
    client = {"type": "openai", "api_key": "s3cret", "extra": {"proxy": "http://u:s3cret@p"}}
    assert "s3cret" not in repr(alone(client).unwrap())
    assert "s3cret" not in repr(Setting("s3cret"))
