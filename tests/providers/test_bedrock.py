"""Where the models on Bedrock live, by their ids: of all profiles, and those of OpenAI."""

from __future__ import annotations

from typing import Any

import pytest
from support import target

from loki.messages import Message
from loki.providers import wire_name
from loki.records import Ask
from loki.stages import build, draft

HI = (Message("user", "Hi"),)
ROOT = "https://bedrock-runtime.eu-west-1.amazonaws.com"
CLIENT: dict[str, Any] = {"type": "bedrock", "region": "eu-west-1", "api_key": "k"}
PROFILES = ["", "us.", "eu.", "apac.", "au.", "jp.", "global."]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_asked_by_its_own_id(profile: str) -> None:
    model = f"{profile}anthropic.claude-sonnet-5-v1:0"
    asked = target(CLIENT, Ask(HI, model=f"bedrock:{model}", stream=False))
    assert wire_name(asked) == "converse"
    assert draft(asked).unwrap().url == f"{ROOT}/model/{model.replace(':', '%3A')}/converse"


@pytest.mark.parametrize(
    "profile", [*PROFILES, "arn:aws:bedrock:us-east-1:1:inference-profile/us."]
)
def test_the_newer_models_of_openai_speak_responses(profile: str) -> None:
    model = f"{profile}openai.gpt-5.5"
    asked = target(CLIENT, Ask(HI, model=f"bedrock:{model}"))
    assert wire_name(asked) == "responses"
    drafted = draft(asked).unwrap()
    assert drafted.url == f"{ROOT}/openai/v1/responses" and drafted.body["model"] == model


def test_a_model_of_openai_that_is_listed_for_chats_speaks_them() -> None:
    listed = [{"name": "m", "real_name": "openai.gpt-6-sol", "endpoint": "chat"}]
    asked = target({**CLIENT, "models": listed}, Ask(HI, model="bedrock:m"))
    assert draft(asked).unwrap().url == f"{ROOT}/openai/v1/chat/completions"


@pytest.mark.parametrize("model", ["openai.gpt-oss-120b-1:0", "us.openai.gpt-oss-20b", "my.gpt-5"])
def test_all_other_models_speak_converse(model: str) -> None:
    assert wire_name(target(CLIENT, Ask(HI, model=f"bedrock:{model}"))) == "converse"


def test_a_request_in_openai_s_protocol_is_signed_too() -> None:
    from dataclasses import replace

    settings = {"type": "bedrock", "region": "eu-west-1"}
    drafted = draft(target(settings, Ask(HI, model="bedrock:openai.gpt-5.5"))).unwrap()
    keys = {"access_key_id": "AKIA", "secret_access_key": "s", "region": "eu-west-1"}
    signed = build(lambda: 0.0)(replace(drafted, credentials=keys)).unwrap()
    assert "/eu-west-1/bedrock/aws4_request" in signed.headers["Authorization"]
