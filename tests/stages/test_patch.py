"""The user's patches: RFC 7396, which of them hold, and in which order."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import SHARED, auth_context
from wire.test_promises import nowhere

from loki.config.build_config import build_config
from loki.config.patches import read_patch
from loki.edge.auth.credentials import make_authorize
from loki.messages import Message
from loki.pipeline import Env, prepare
from loki.records import Ask, Patch, Request
from loki.stages.patch import merge_patch, set_headers

# ---- RFC 7396 --------------------------------------------------------------------------------


def vectors() -> list[Any]:
    """The examples of the standard's appendix; a visible skip where they are not."""
    file = SHARED / "vectors" / "merge-patch-rfc7396.json"
    found = json.loads(file.read_text()) if file.exists() else []
    missing = pytest.mark.skip(reason="shared/vectors is not there")
    return found or [pytest.param(None, marks=missing)]


@pytest.mark.parametrize("vector", vectors())
def test_merging_is_what_the_standard_says(vector: Any) -> None:
    assert merge_patch(vector["original"], vector["patch"]) == vector["result"]


NAMES = st.text("abc", max_size=2)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4)
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=4)


def nulls(value: Any) -> bool:
    """Whether an object holds a null, at any depth of objects; lists are not looked into."""
    return isinstance(value, dict) and any(v is None or nulls(v) for v in value.values())


@given(target=JSON, change=JSON)
def test_merging_twice_is_merging_once(target: Any, change: Any) -> None:
    once = merge_patch(target, change)
    assert merge_patch(once, change) == once


@given(change=OBJECTS)
def test_nothing_patched_into_nothing_is_null(change: Any) -> None:
    assert not nulls(merge_patch({}, change))


@given(target=JSON)
def test_an_empty_patch_changes_no_object(target: Any) -> None:
    assert merge_patch(target, {}) == (target if isinstance(target, dict) else {})


@given(target=JSON, change=JSON.filter(lambda value: not isinstance(value, dict)))
def test_what_is_no_object_takes_the_whole_place(target: Any, change: Any) -> None:
    assert merge_patch(target, change) == change


@given(target=OBJECTS, change=OBJECTS)
def test_only_named_keys_change_and_null_ones_go(target: Any, change: Any) -> None:
    merged = merge_patch(target, change)
    assert merged.keys() == (target.keys() | change.keys()) - {
        k for k, v in change.items() if v is None
    }
    assert all(merged[name] == target[name] for name in target.keys() - change.keys())


@given(target=OBJECTS, wanted=OBJECTS.filter(lambda value: not nulls(value)))
def test_a_patch_that_removes_the_rest_reaches_every_object(target: Any, wanted: Any) -> None:
    def difference(old: Any, new: Any) -> Any:
        if not (isinstance(old, dict) and isinstance(new, dict)):
            return new
        gone = dict.fromkeys(old.keys() - new.keys())
        return {**gone, **{name: difference(old.get(name), new[name]) for name in new}}

    assert merge_patch(target, difference(target, wanted)) == wanted


@given(target=JSON, change=JSON)
def test_merging_leaves_its_arguments_as_they_were(target: Any, change: Any) -> None:
    before = copy.deepcopy((target, change))
    merge_patch(target, change)
    assert (target, change) == before


# ---- headers ---------------------------------------------------------------------------------

CASED = st.dictionaries(st.sampled_from(["User-Agent", "user-agent", "X-A", "x-a"]), st.text())


@given(headers=CASED, name=st.sampled_from(["USER-AGENT", "x-A"]), value=st.none() | st.text())
def test_headers_are_known_in_any_case(headers: Any, name: str, value: str | None) -> None:
    changed = set_headers(headers, {name: value})
    found = [v for n, v in changed.items() if n.lower() == name.lower()]
    assert found == ([] if value is None else [value])
    others = {n: v for n, v in headers.items() if n.lower() != name.lower()}
    assert others.items() <= changed.items() and len(changed) == len(others) + len(found)


# ---- which patches, in which order -----------------------------------------------------------


def body(**fields: Any) -> dict[str, Any]:
    """A patch of the body alone."""
    return {"body": fields}


def patched(
    client: Mapping[str, Any],
    model: str = "gpt-4.1",
    environ: Mapping[str, str] | None = None,
    extra: tuple[Patch, ...] = (),
) -> Request:
    """The request for a greeting, after every patch."""
    entry = {"type": "openai", "api_key": "sk-test", **client}
    config = build_config({"clients": [entry]}, "config.yaml", environ or {}).unwrap()
    env = Env(
        config, make_authorize(auth_context({})), nowhere, nowhere, lambda: 1.8e9, float, extra
    )
    name = entry.get("name", entry["type"])
    ask = Ask((Message("user", "Hi"),), model=f"{name}:{model}", stream=False)
    return prepare(env, ask).unwrap()


def sent(request: Request) -> Any:
    """What a request says besides its messages."""
    parsed = json.loads(request.content)
    return {name: value for name, value in parsed.items() if name != "messages"}


def by(**patterns: Any) -> Any:
    """Patches of chats by pattern, in order."""
    return {"chat_completions": list(patterns.items())}


def test_the_model_s_patch_is_first_then_one_of_the_client_s_then_the_extra_ones() -> None:
    client = {
        "models": [{"name": "m", "patch": body(a="model", b="model", c="model")}],
        "patch": by(m=body(b="client", c="client", d=1)),
    }
    extra = (Patch(body={"c": "first", "d": None}), Patch(body={"c": "last"}))
    result = sent(patched(client, "m", extra=extra))
    assert result == {"model": "m", "a": "model", "b": "client", "c": "last"}


PATTERNS = [("gpt-4", "short"), ("gpt-4.*", "first"), ("gpt-.*", "second"), ("(?s:.*)", "any")]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4", "short"),
        ("gpt-4.1", "first"),
        ("gpt-4\n", "any"),
        ("gpt-5", "second"),
        ("my-gpt-4", "any"),
        ("GPT-4", "any"),
    ],
)
def test_the_first_pattern_of_the_whole_name_is_the_only_one(model: str, expected: str) -> None:
    patterns = [(pattern, body(**{message: 1})) for pattern, message in PATTERNS]
    result = sent(patched({"patch": {"chat_completions": patterns}}, model))
    assert result == {"model": model, expected: 1}


@pytest.mark.parametrize("pattern", ["gpt", "4.1", "gpt-4", "gpt-4.", "a|gpt-4", "^gpt", ""])
def test_a_pattern_of_a_part_of_the_name_is_none_of_it(pattern: str) -> None:
    result = sent(patched({"patch": {"chat_completions": [(pattern, body(x=1))]}}))
    assert result == {"model": "gpt-4.1"}


def test_alternatives_and_anchors_hold_for_the_whole_name() -> None:
    for pattern in ("x|gpt-4.1", "gpt-4|gpt-4[.]1", "^gpt-4.1$", "(?i)GPT-4.*"):
        result = sent(patched({"patch": {"chat_completions": [(pattern, body(x=1))]}}))
        assert result["x"] == 1, pattern


def test_a_pattern_knows_the_name_and_not_the_real_name() -> None:
    client = {"models": [{"name": "mine", "real_name": "gpt-4.1"}]}
    patch = by(**{"gpt-4.1": body(wrong=1), "mine": body(right=1)})
    result = sent(patched({**client, "patch": patch}, "mine"))
    assert result == {"model": "gpt-4.1", "right": 1}


def test_patches_of_other_kinds_of_request_do_not_hold() -> None:
    patch = {kind: [(".*", body(**{kind: 1}))] for kind in ("embeddings", "rerank")}
    assert sent(patched({"patch": patch})) == {"model": "gpt-4.1"}


ENVIRON = "LOKI_PATCH_OPENAI_CHAT_COMPLETIONS"


def test_the_environment_replaces_the_whole_map() -> None:
    client = {"patch": by(**{"gpt-4.*": body(configured=1)})}
    for patterns, expected in (
        ({"gpt-4.*": body(mapped=1)}, {"mapped": 1}),
        ({"other": body(mapped=1)}, {}),
        ({}, {}),
    ):
        result = sent(patched(client, environ={ENVIRON: json.dumps(patterns)}))
        assert result == {"model": "gpt-4.1", **expected}


def test_the_environment_replaces_no_other_patch() -> None:
    client = {"models": [{"name": "gpt-4.1", "patch": body(own=1)}], "patch": by(x=body(no=1))}
    environ = {
        ENVIRON: json.dumps({".*": body(mapped=1)}),
        "LOKI_PATCH_OPENAI_EMBEDDINGS": json.dumps({".*": body(wrong=1)}),
        "LOKI_PATCH_OTHER_CHAT_COMPLETIONS": json.dumps({".*": body(wrong=1)}),
    }
    result = sent(patched(client, environ=environ, extra=(Patch(body={"extra": 1}),)))
    assert result == {"model": "gpt-4.1", "own": 1, "mapped": 1, "extra": 1}


def test_the_variable_is_named_after_the_client_in_capitals() -> None:
    client = {"name": "my-own.2", "type": "openai-compatible", "api_base": "https://a.example"}
    environ = {"LOKI_PATCH_MY_OWN_2_CHAT_COMPLETIONS": json.dumps({".*": body(mapped=1)})}
    assert sent(patched(client, environ=environ))["mapped"] == 1


@pytest.mark.parametrize("words", ["{", "[]", '{"(": {}}', '{".*": {"bdy": {}}}', '{".*": 1}'])
def test_a_variable_that_is_no_map_of_patches_is_a_problem_of_the_configuration(words: str) -> None:
    problem = build_config({"clients": [{"type": "openai"}]}, "c", {ENVIRON: words}).failure()
    assert problem.kind == "config" and ENVIRON in problem.message


def test_a_url_replaces_the_url_and_the_last_one_wins() -> None:
    client = {
        "models": [{"name": "m", "patch": {"url": "https://model.example/a"}}],
        "patch": by(m={"url": "https://client.example/b?c=d"}),
    }
    assert patched(client, "m").url == "https://client.example/b?c=d"
    extra = (Patch(url="https://extra.example/e"), Patch(body={"x": 1}))
    assert patched(client, "m", extra=extra).url == "https://extra.example/e"
    untouched = patched({"patch": by(m=body(x=1))}, "m")
    assert untouched.url == "https://api.openai.com/v1/chat/completions"


def lowered(request: Request) -> list[tuple[str, str]]:
    """The headers as a server sees them, of which none may come twice."""
    return sorted((name.lower(), value) for name, value in request.headers.items())


def test_headers_are_set_replaced_and_removed_in_any_case() -> None:
    headers = {"user-AGENT": None, "CONTENT-type": "application/json; v=2", "X-Team": "a"}
    extra = (Patch(headers={"x-team": "b"}),)
    result = lowered(patched({"patch": by(**{".*": {"headers": headers}})}, extra=extra))
    assert result == [
        ("authorization", "Bearer sk-test"),
        ("content-type", "application/json; v=2"),
        ("x-team", "b"),
    ]


def test_a_header_that_one_patch_removes_another_may_set() -> None:
    client = {
        "models": [{"name": "m", "patch": {"headers": {"User-Agent": None}}}],
        "patch": by(m={"headers": {"user-agent": "mine"}}),
    }
    assert ("user-agent", "mine") in lowered(patched(client, "m"))


def authorizations(name: str, value: str | None) -> list[str]:
    """The proofs of identity that leave when a patch says something of them."""
    request = patched({"patch": by(**{".*": {"headers": {name: value}}})})
    return [value for name, value in lowered(request) if name == "authorization"]


def test_a_patch_may_prove_who_we_are_in_its_own_way() -> None:
    assert authorizations("Authorization", "Basic abc") == ["Basic abc"]


def test_a_patched_proof_is_the_only_one_in_any_case() -> None:
    assert authorizations("authorization", "Basic abc") == ["Basic abc"]


def test_a_patch_may_take_the_proof_away() -> None:
    assert authorizations("Authorization", None) == []


def test_a_patch_changes_the_body_in_depth_and_the_messages_too() -> None:
    extra = read_patch(
        {"body": {"messages": [], "a": {"b": {"c": None, "d": [None]}}}}, "x"
    ).unwrap()
    parsed = json.loads(patched({}, extra=(extra,)).content)
    assert parsed == {"model": "gpt-4.1", "messages": [], "a": {"b": {"d": [None]}}}
