"""A name that its provider does not know draws the nearest ones; all else stays as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from support import config
from support import request as some_request

from loki.config.build_config import build_config
from loki.messages import Message
from loki.problems import Problem, is_curable
from loki.records import Ask, Draft, Request
from loki.stages.resolve import resolve
from loki.stages.suggest_models import make_suggest
from loki.wire.errors import read_error

CATALOGUE = """{
"clients": {
"openai": {
"gpt-9": {"type": "chat"},
"gpt-9-mini": {"type": "chat"},
"gpt-9-embed": {"type": "embedding"}
}
}
}
"""


def suggested(model: str, problem: Problem, **client: Any) -> Problem:
    """What becomes of a problem that a request for a model met."""
    entry = {"type": "openai", **client}
    config = build_config({"clients": [entry]}, "c.yaml", {}, CATALOGUE).unwrap()
    ask = Ask((Message("user", "Hi"),), model=f"openai:{model}")
    request = Request(Draft(resolve(config)(ask).unwrap(), "", {}, {}), "", {}, b"")
    return make_suggest(config)(request)(problem)


def refusal(message: str, status: int = 404, code: str | None = None) -> Problem:
    """Return the refusal of a provider."""
    kind = "config" if status == 404 or code == "model_not_found" else "input"
    return Problem(kind, message, status=status, code=code, sent=True)  # type: ignore[arg-type]


def named_param(message: str) -> Problem:
    """Return a refusal whose error names the model as the parameter that is wrong."""
    error = {"message": message, "param": "model", "code": None}
    return read_error(400, {}, json.dumps({"error": error}).encode())


@pytest.mark.parametrize(
    ("model", "problem", "message"),
    [
        ("gtp-9-mini", refusal("No."), "No; did you mean 'gpt-9-mini'"),
        ("zzz", refusal("model: zzz"), "model: zzz; known: gpt-9, gpt-9-mini"),
        ("zzz", refusal("page not found"), "page not found; known: gpt-9, gpt-9-mini"),
        ("zzz", refusal("No.", 400, "model_not_found"), "No; known: gpt-9, gpt-9-mini"),
        ("zzz", refusal("No.", 400, "invalid_model"), "No; known: gpt-9, gpt-9-mini"),
        # a 400 that names the model, in the words of some providers
        (
            "zzz",
            refusal("Sorry, zzz is not a valid one", 400),
            "Sorry, zzz is not a valid one; known: g",
        ),
        ("zzz", refusal("Unknown model zzz", 400), "Unknown model zzz; known: "),
        (
            "zzz",
            refusal("Here zzz is not supported. Try others", 400),
            "Here zzz is not supported. ",
        ),
        (
            "zzz",
            refusal("Here `zzz` does not exist.", 400),
            "Here `zzz` does not exist; know",
        ),
        (
            "zzz",
            refusal("Say a or b; you passed zzz.", 400),
            "Say a or b; you pas",
        ),
        ("zzz", refusal("Your model: not exist", 400), "Your model: not exist; known: "),
        ("zzz", refusal("Model not found: zzz", 400), "Model not found: zzz; known: "),
        (
            "zzz",
            refusal("Invocation of model ID zzz with on-demand throughput isn’t supported.", 400),
            "Invocation of model ID zzz with on-demand throughput isn’t supported; known: ",
        ),
        ("zzz", refusal("Bad: model identifier is invalid.", 400), "Bad: model ident"),
        ("zzz", refusal("No.", 400, "model_not_supported"), "No; known: gpt-9, gpt-9-mini"),
        ("zzz", refusal("Unsupported model", 400), "Unsupported model; known: "),
        ("zzz", refusal("Error: unsupported model: 'zzz'", 400), "Error: unsupported model: 'zzz'"),
        ("zzz", refusal("The model `zzz` is not valid.", 400), "The model `zzz` is not valid; kn"),
        ("zzz", refusal("400: Model ID zzz is not valid", 400), "400: Model ID zzz is not valid; "),
        ("zzz", named_param("Not here."), "Not here; known: gpt-9, gpt-9-mini"),
        # its name is right, and still the provider does not know it
        ("gpt-9", refusal("We have no gpt-9."), "We have no gpt-9."),
        ("gpt-9", refusal("No.", 404, "model_not_found"), "No."),
        ("gpt-9", refusal("No.", 404, "DeploymentNotFound"), "No."),
        ("gpt-9", refusal("No such model."), "No such model."),
    ],
)
def test_a_model_that_the_provider_does_not_know_is_told_with_its_nearest(
    model: str, problem: Problem, message: str
) -> None:
    found = suggested(model, problem)
    assert found.message.startswith(message)
    assert ("; " in found.message) == (model != "gpt-9")
    assert (found.kind, found.unknown_model, is_curable(found)) == ("config", True, True)
    assert replace(found, message="", kind="config", unknown_model=False) == replace(
        problem, message="", kind="config", unknown_model=False
    )


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        ("gpt-9", refusal("No cache 8754.")),
        ("gpt-9", refusal("404 page not found")),
        ("zzz", Problem("auth", "Bad key.", status=401)),
        ("zzz", Problem("config", "redirected to x, which is not followed", status=307)),
        ("zzz", Problem("config", "Method not allowed", status=405)),
        ("zzz", Problem("config", "api_key: no environment variable KEY")),
        ("zzz", refusal("max_tokens: 9 is over 5, the most of zzz", 400)),
        ("zzz", refusal("'temperature' is not supported with zzz", 400)),
        ("zzz", refusal("The model zzz does not support images", 400)),
        ("z", refusal("Unknown model zz", 400)),
        ("zzz", refusal("'temperature' with model zzz is not valid", 400)),
        ("zzz", refusal("The model zzz is not valid for images", 400)),
        ("zzz", refusal("Unsupported model parameter: seed", 400)),
        ("zzz", refusal("Seed: unsupported model option", 400)),
        ("zzz", refusal("Sorry, zzz is not a valid one", 422)),
    ],
)
def test_a_problem_of_another_cause_stays_as_it_is(model: str, problem: Problem) -> None:
    assert suggested(model, problem) == problem


def test_a_client_that_lists_its_own_models_has_no_others_to_suggest() -> None:
    listed = [{"name": "fast", "real_name": "gpt-7"}, {"name": "slow"}]
    found = suggested("fast", refusal("We have no gpt-7"), models=listed)
    assert (found.message, found.unknown_model) == ("We have no gpt-7", True)


def test_where_no_model_is_known_none_is_suggested() -> None:
    plain = {"type": "openai-compatible", "name": "openai", "api_base": "http://x"}
    found = suggested("zzz", refusal("no such model"), **plain)
    assert (found.message, found.unknown_model) == ("no such model", True)


def test_an_address_that_is_not_there_is_named_without_its_secrets() -> None:
    asked = replace(some_request({"type": "openai"}), url="http://u:p@a.example/chat/completions")
    problem = make_suggest(config({"type": "openai"}))(asked)(refusal("404 page not found"))
    asked_at = "; asked http://***@a.example/chat/completions: is api_base right?"
    assert problem.message == f"404 page not found{asked_at}"
