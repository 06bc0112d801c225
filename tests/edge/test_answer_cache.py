"""Nothing is asked twice: what is kept, what never is, and what a kept answer costs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure, Result, Success
from servers import COUNTED, DONE, delta, reply

from loki import Ask, Env, Message, answer, cached, collect, embed, open_env, stream
from loki.edge import answer_cache
from loki.edge.answer_cache import cache_key
from loki.pipeline import prepare
from loki.problems import Problem, fail
from loki.records import Draft, Request, Response
from loki.redaction.redactor import Redactor
from loki.replies import Done, OpenResponse
from loki.stages.account import Entry

HI = Ask((Message("user", "Hi"),), model="openai:gpt-4.1")
FRAMES = (delta("Hel"), delta("lo."), delta(None, "stop"), COUNTED, DONE)


class Provider:
    """A provider in memory: it counts what it is sent, and answers it with the same body."""

    def __init__(self, *pieces: bytes, status: int = 200) -> None:
        self.pieces = pieces or (json.dumps(reply()).encode(),)
        self.status = status
        self.count = self.authorized = self.affordable = 0
        self.entries: list[Entry] = []

    def send(self, request: Request) -> Result[Response, Problem]:
        self.count += 1
        return Success(Response(request, self.status, {}, b"".join(self.pieces)))

    def open(self, request: Request) -> Result[OpenResponse, Problem]:
        self.count += 1
        chunks = iter([Success(piece) for piece in self.pieces])
        headers = {"content-type": "text/event-stream", "set-cookie": "session=abcdef"}
        return Success(OpenResponse(request, 200, headers, chunks, lambda: None, started=0.0))

    def afford(self, request: Request) -> Result[Request, Problem]:
        self.affordable += 1
        return Success(request)

    def env(self, key: str = "sk-test", **variables: str) -> Env:
        environ = {"LOKI_PLATFORM": "openai", "OPENAI_API_KEY": key, **variables}
        env = open_env(environ=environ).unwrap()

        def authorize(draft: Draft) -> Result[Draft, Problem]:
            self.authorized += 1
            return env.authorize(draft)

        return replace(
            env,
            authorize=authorize,
            check_budget=self.afford,
            send=self.send,
            open=self.open,
            record=self.entries.append,
        )


def test_the_same_question_is_answered_from_the_cache(tmp_path: Path) -> None:
    provider = Provider()
    env = cached(provider.env(), folder=str(tmp_path / "a"))
    first, second = (answer(env, HI).unwrap() for _ in range(2))
    assert provider.count == provider.authorized == provider.affordable == 1
    assert (first.text, first.is_cached, first.cost) == ("Hello.", False, Decimal("0.00006"))
    assert (second.text, second.is_cached, second.cost) == ("Hello.", True, Decimal(0))
    assert (second.usage, second.attempts) == (first.usage, 0)
    answered, free = provider.entries
    assert (answered.outcome, free.outcome) == ("ok", "cached")
    assert (free.cost, free.usage.input, free.usage.output) == (Decimal(0), 0, 0) and free.exact


@pytest.mark.parametrize(
    "other",
    [
        replace(HI, messages=(Message("user", "Hi "),)),
        replace(HI, temperature=0.5),
        replace(HI, model="openai:gpt-4.1-mini"),
        replace(HI, seed=1),
    ],
    ids=["prompt", "temperature", "model", "seed"],
)
def test_another_question_is_another_request(other: Ask, tmp_path: Path) -> None:
    provider = Provider()
    env = cached(provider.env(), folder=str(tmp_path / "a"))
    assert answer(env, HI).unwrap() and answer(env, other).unwrap()
    assert provider.count == 2


def test_the_address_counts_and_so_does_who_asks(tmp_path: Path) -> None:
    folder, provider = str(tmp_path / "a"), Provider()
    for key, base, count in (
        ("sk-one", "https://a.example/v1", 1),
        ("sk-one", "https://a.example/v1", 1),
        ("sk-two", "https://a.example/v1", 2),
        ("sk-two", "https://b.example/v1", 3),
        ("sk-two", "https://user:pass@b.example/v1", 4),
        ("sk-two", "https://user:word@b.example/v1", 5),
        ("sk-one", "https://a.example/v1", 5),
    ):
        env = cached(provider.env(key, OPENAI_API_BASE=base), folder=folder)
        assert answer(env, HI).unwrap().text == "Hello."
        assert provider.count == count, base


#: Settings of two clients at one address, each pair of which are two users.
USERS = {
    "keys": ("api_key: one", "api_key: two"),
    "names": ("api_key: '{{ONE}}'", "api_key: '{{TWO}}'"),
    "commands": ("api_key_cmd: echo one", "api_key_cmd: echo two"),
    "files": ("api_key_file: ONE", "api_key_file: TWO"),
    "patches": (
        "api_key: k, patch: {chat_completions: {'.*': {headers: {Authorization: one}}}}",
        "api_key: k, patch: {chat_completions: {'.*': {headers: {Authorization: two}}}}",
    ),
}


@pytest.mark.parametrize("case", USERS)
def test_clients_of_two_users_at_one_address_share_no_answer(case: str, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("one"), (tmp_path / "two").write_text("two")
    provider, config, environ = Provider(), tmp_path / "c.yaml", {"ONE": "one", "TWO": "two"}
    for setting, count in [*zip(USERS[case], (1, 2), strict=True), (USERS[case][0], 2)]:
        path = setting.replace("file: ONE", f"file: {tmp_path}/one")
        path = path.replace("file: TWO", f"file: {tmp_path}/two")
        base = "api_base: https://a.example, models: [{name: m}]"
        config.write_text(f"clients:\n  - {{type: openai, {base}, {path}}}\n")
        opened = open_env(str(config), {**environ, "LOKI_CACHE_DIR": str(tmp_path)}).unwrap()
        env = cached(replace(opened, send=provider.send), folder=str(tmp_path / "a"))
        assert answer(env, replace(HI, model="openai:m")).unwrap() and provider.count == count


def test_a_name_counts_with_the_value_of_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, provider = tmp_path / "c.yaml", Provider()
    config.write_text("clients:\n  - {type: openai, api_key: '{{THE_KEY}}', models: [{name: m}]}\n")
    for value, count in (("one", 1), ("two", 2), ("one", 2)):
        monkeypatch.setenv("THE_KEY", value)
        opened = open_env(str(config), {"THE_KEY": value, "LOKI_CACHE_DIR": str(tmp_path)}).unwrap()
        env = cached(replace(opened, send=provider.send), folder=str(tmp_path / "a"))
        assert answer(env, replace(HI, model="openai:m")).unwrap() and provider.count == count


def test_an_address_that_is_a_secret_counts_too(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "clients:\n  - {type: openai, api_key: k, api_base: '{{BASE}}', models: [{name: m}]}\n"
    )
    provider, ask = Provider(), replace(HI, model="openai:m")
    for base, count in (("https://a.example", 1), ("https://a.example", 1), ("https://b.x", 2)):
        opened = open_env(str(config), {"BASE": base, "LOKI_CACHE_DIR": str(tmp_path)})
        env = cached(replace(opened.unwrap(), send=provider.send), folder=str(tmp_path / "a"))
        assert answer(env, ask).unwrap().text == "Hello." and provider.count == count


def test_a_signature_that_changes_with_the_clock_does_not_count(tmp_path: Path) -> None:
    environ = {
        "LOKI_PLATFORM": "bedrock",
        "BEDROCK_REGION": "eu-west-1",
        "BEDROCK_ACCESS_KEY_ID": "AKIA",
        "BEDROCK_SECRET_ACCESS_KEY": "s3cret",
    }
    env = open_env(environ=environ).unwrap()
    ask, keys = replace(HI, model="bedrock:m"), []
    for now in (1.0, 100000.0):
        later = replace(env, now=partial(float, now))
        request = prepare(cached(later, folder=str(tmp_path / "a")), ask).unwrap()
        keys.append((request.draft.cache_key, request.headers["X-Amz-Date"]))
    (one, then), (other, now_) = keys
    assert one == other and one and then != now_


def test_a_stream_is_given_again_in_its_pieces(tmp_path: Path) -> None:
    provider = Provider(*FRAMES)
    env = cached(provider.env(), folder=str(tmp_path / "a"))
    first, second = ([*stream(env, HI).unwrap()] for _ in range(2))
    assert provider.count == 1 and first[:-1] == second[:-1] and len(second) == 3
    done = second[-1].unwrap()
    assert isinstance(done, Done) and done.reply.is_cached


def test_an_age_is_a_limit(tmp_path: Path) -> None:
    provider, now = Provider(), [1000.0]
    env = replace(provider.env(), now=lambda: now[0])
    folder = str(tmp_path / "a")
    for then, age, count in (
        (1000.0, 60.0, 1),
        (1060.0, 60.0, 1),
        (1061.0, 60.0, 2),  # which is kept in its place
        (1100.0, 60.0, 2),
        (9e9, None, 2),
        (900.0, 60.0, 3),  # kept in the future: the clock was wrong, then or now
    ):
        now[0] = then
        assert answer(cached(env, age, folder), HI).unwrap().text == "Hello."
        assert provider.count == count, then


#: What a provider may answer that is not kept.
UNFIT: dict[str, bytes] = {
    "cut at its limit": json.dumps(reply(finish="length")).encode(),
    "stopped by a filter": json.dumps(reply(finish="content_filter")).encode(),
    "not JSON": b'{"choices": [{"index": 0, "message": {"content": "Hel',
    "empty": json.dumps(reply("")).encode(),
    "an error": b'{"error": {"message": "busy"}}',
    "with our key": json.dumps(reply("Your key is sk-test-of-ours")).encode(),
}


@pytest.mark.parametrize("case", UNFIT)
def test_only_a_whole_success_without_a_secret_is_kept(case: str, tmp_path: Path) -> None:
    provider = Provider(UNFIT[case])
    env = cached(provider.env("sk-test-of-ours"), folder=str(tmp_path / "a"))
    for _ in range(2):
        answer(env, HI)
    assert provider.count == 2 and not (tmp_path / "a").exists()


@pytest.mark.parametrize("count", range(len(FRAMES) - 2))
def test_a_stream_that_broke_off_is_not_kept(count: int, tmp_path: Path) -> None:
    provider = Provider(*FRAMES[:count])
    env = cached(provider.env(), folder=str(tmp_path / "a"))
    for _ in range(2):
        stream(env, HI).bind(collect)
    assert provider.count == 2 and not (tmp_path / "a").exists()


def test_a_stream_that_nobody_read_to_its_end_is_not_kept(tmp_path: Path) -> None:
    provider = Provider(*FRAMES)
    events = stream(cached(provider.env(), folder=str(tmp_path / "a")), HI).unwrap()
    next(events)
    events.close()
    assert not (tmp_path / "a").exists()


def test_an_answer_that_breaks_its_schema_is_not_kept(tmp_path: Path) -> None:
    provider = Provider()
    env = cached(provider.env(), folder=str(tmp_path / "a"))
    ask = replace(HI, schema={"type": "object"})
    assert [answer(env, ask).failure().kind for _ in range(2)] == ["input"] * 2
    assert provider.count == 2


def test_vectors_are_kept_too(tmp_path: Path) -> None:
    body = {"data": [{"index": 0, "embedding": [1.0, 2.0]}], "usage": {"prompt_tokens": 1}}
    provider = Provider(json.dumps(body).encode())
    env = cached(provider.env(), folder=str(tmp_path / "a"))
    ask = Ask(texts=("Hi",), model="openai:text-embedding-3-small")
    first, second = (embed(env, ask).unwrap() for _ in range(2))
    assert provider.count == 1 and first.vectors == second.vectors
    assert second.cost == 0 and second.is_cached and not first.is_cached


def test_a_cached_answer_needs_neither_credential_nor_budget(tmp_path: Path) -> None:
    provider, folder = Provider(), str(tmp_path / "a")
    answer(cached(provider.env(), folder=folder), HI).unwrap()
    poor = replace(
        provider.env(),
        authorize=lambda draft: fail("auth", "no key"),
        check_budget=lambda request: fail("budget", "no money"),
    )
    assert answer(cached(poor, folder=folder), HI).unwrap().text == "Hello."
    assert answer(cached(poor, folder=folder), replace(HI, seed=2)).failure().kind == "auth"


def test_no_credential_is_in_the_folder(tmp_path: Path) -> None:
    provider = Provider(*FRAMES)
    env = cached(provider.env("sk-very-secret"), folder=str(tmp_path / "a"))
    collect(stream(env, HI).unwrap()).unwrap()
    (file,) = (tmp_path / "a").iterdir()
    data = file.read_bytes()
    assert b"sk-very-secret" not in data and b"session=" not in data and b"Hel" in data
    assert (file.stat().st_mode & 0o777, (tmp_path / "a").stat().st_mode & 0o777) == (0o600, 0o700)


def test_the_key_of_a_request_has_all_of_it_and_shows_none() -> None:
    draft = prepare(replace(Provider().env(), authorize=Success), HI).unwrap().draft
    key = cache_key(draft, draft.url, {})
    with_headers: Callable[[dict[str, str]], Draft] = lambda more: replace(  # noqa: E731
        draft, headers={**draft.headers, **more}
    )
    others = [
        cache_key(with_headers({"Authorization": "Bearer x"}), draft.url, {}),
        cache_key(with_headers({"X-Team": "a"}), draft.url, {}),
        cache_key(draft, draft.url + "?key=1", {}),
        cache_key(draft, draft.url + "?key=2", {}),
        cache_key(draft, draft.url, {"AWS_PROFILE": "work"}),
    ]
    assert len({key, *others}) == 6 and all(len(each) == 64 for each in (key, *others))
    assert cache_key(replace(draft, body={"a": float("nan")}), draft.url, {}) == ""


def test_never_is_much_more_kept_than_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_cache, "MAX_FOLDER_SIZE", 5000)
    monkeypatch.setattr(answer_cache, "STEP", 1000)
    env = cached(Provider().env(), folder=str(tmp_path / "a"))
    for seed in range(30):
        answer(env, replace(HI, seed=seed)).unwrap()
        sizes = [file.stat().st_size for file in (tmp_path / "a").iterdir()]
        assert sum(sizes) <= 5000 + max(sizes)
    assert len(sizes) > 5 and answer(env, replace(HI, seed=29)).unwrap().is_cached
    assert not answer(env, replace(HI, seed=0)).unwrap().is_cached


# ---- folders that cannot be used -----------------------------------------------------------------


def folders(case: str, tmp_path: Path) -> Path:
    """Make a folder that others could have filled."""
    folder = tmp_path / "a"
    folder.mkdir(mode=0o700)
    if case == "of another user":
        os.chown(folder, 12345, 12345)
    elif case == "writable by all":
        folder.chmod(0o777)
    else:
        tmp_path.chmod(0o777)
    return folder


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("case", ["of another user", "writable by all", "in a folder of all"])
def test_a_folder_that_others_can_fill_is_refused(case: str, tmp_path: Path) -> None:
    provider, folder = Provider(), folders(case, tmp_path)
    result = answer(cached(provider.env(), folder=str(folder)), HI)
    problem = result.failure()
    assert problem.kind == "config" and provider.count == 0 and [*folder.iterdir()] == []
    assert problem.message.startswith("the answer cache is not used: ")
    assert "\n" not in problem.message and str(tmp_path) in problem.message


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_the_folder_may_be_a_link_of_ours_and_of_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "a").symlink_to("real")
    provider = Provider()
    env = cached(provider.env(), folder=str(tmp_path / "a"))
    assert [answer(env, HI).unwrap().is_cached for _ in range(2)] == [False, True]
    os.lchown(tmp_path / "a", 12345, 12345)
    problem = answer(env, HI).failure()
    assert problem.kind == "config" and "a link of another user (uid 12345)" in problem.message


def test_a_kept_answer_that_others_can_write_is_refused(tmp_path: Path) -> None:
    provider = Provider()
    env = cached(provider.env(), folder=str(tmp_path / "a"))
    answer(env, HI).unwrap()
    (file,) = (tmp_path / "a").iterdir()
    file.chmod(0o666)
    assert "others can write it" in answer(env, HI).failure().message


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    provider = Provider()
    env = cached(provider.env(), folder=str(tmp_path / "a"))
    answer(env, HI).unwrap()
    (file,) = (tmp_path / "a").iterdir()
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    problem = answer(env, HI).failure()
    assert problem.kind == "config" and str(file) in problem.message and provider.count == 1


def test_an_answer_that_cannot_be_kept_is_given_with_one_warning(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    warnings: list[str] = []
    env = cached(Provider().env(), None, str(tmp_path / "a" / "b"), warnings.append)
    assert [answer(env, HI).unwrap().text for _ in range(2)] == ["Hello."] * 2
    assert len(warnings) == 1 and warnings[0].startswith("this answer is not kept: ")


def test_failures_pass_through(tmp_path: Path) -> None:
    problem = Problem("offline", "nobody there")
    env = replace(Provider().env(), send=lambda request: Failure(problem))
    assert answer(cached(env, folder=str(tmp_path / "a")), HI).failure().kind == "offline"


def test_an_answer_with_a_word_of_a_secret_of_two_letters_is_kept(tmp_path: Path) -> None:
    redactor = Redactor("lo")  # shorter than what is taken for a secret
    provider = Provider()
    env: Any = cached(replace(provider.env(), redactor=redactor), folder=str(tmp_path / "a"))
    assert answer(env, HI).unwrap() and answer(env, HI).unwrap().is_cached


@pytest.mark.parametrize("plant", [os.mkfifo, os.mkdir, lambda path: make_sparse(path, 1 << 40)])
def test_what_is_no_answer_of_ours_is_a_miss(tmp_path: Path, plant: Any) -> None:
    provider = Provider()
    env = cached(provider.env(), folder=str(tmp_path / "a"))
    answer(env, HI).unwrap()
    (file,) = (tmp_path / "a").iterdir()
    file.unlink()
    plant(file)
    assert not answer(env, HI).unwrap().is_cached and provider.count == 2


def make_sparse(path: Path, size: int) -> None:
    """Make a file of zeros that takes no room."""
    path.touch(0o600)
    os.truncate(path, size)
