"""store and search in Python: Results like the rest, texts sent once, the store's own model."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from commands import Home
from embedding import answer, answer_with, sent, vector_of
from servers import Server, plain, serving

import loki
from loki import Ask, Env, Match, Passage, Stored, open_env, search, store
from loki.records import Patch

TEXTS = ["a bicycle has two wheels", "bread needs flour and water", "the moon has no air"]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(answer) as server:
        yield server


def env_of(home: Home, server: Server, model: str = "") -> Env:
    """An Env whose one model embeds."""
    path = home.local(server.address, f"type: embedding\n{model}")
    environ = {f"LOKI_{kind}_DIR": str(home.folder) for kind in ("CACHE", "STATE", "CONFIG")}
    return open_env(str(path), environ).unwrap()


def texts(matches: tuple[Match, ...]) -> list[str]:
    return [match.text for match in matches]


def test_the_nearest_text_is_found_with_its_place(home: Home, server: Server) -> None:
    env, path = env_of(home, server), str(home.folder / "s")
    passages = [Passage(text, n, "a.txt", n + 1, {"n": n}) for n, text in enumerate(TEXTS)]
    assert store(env, path, passages).unwrap() == Stored("local:m", 3, 0, None)
    first, *others = search(env, path, "bread and water").unwrap()
    assert first.passage == passages[1] and first.score > others[0].score and len(others) == 2
    assert texts(search(env, path, "bread and water", top=1).unwrap()) == [TEXTS[1]]
    assert search(env, path, "bread and water", min_score=0.99).unwrap() == ()


def test_what_is_there_is_not_sent_again(home: Home, server: Server) -> None:
    env, path = env_of(home, server), str(home.folder / "s")
    store(env, path, TEXTS[:2]).unwrap()
    assert store(env, path, [*TEXTS, TEXTS[2]]).unwrap() == Stored("local:m", 1, 3, None)
    assert sent(server.asked) == TEXTS
    assert {each.json["encoding_format"] for each in server.asked} == {"base64"}


def test_a_query_is_asked_as_one_and_texts_as_documents(home: Home, server: Server) -> None:
    path, config = (
        str(home.folder / "s"),
        home.configure(
            "clients:\n  - type: openai-compatible\n    name: voyageai\n    api_key: k\n"
            f"    api_base: {server.address}\n"
        ),
    )
    env = open_env(str(config)).unwrap()
    store(env, path, TEXTS, Ask(model="voyageai:voyage-4")).unwrap()
    search(env, path, "bread").unwrap()
    assert [each.json["input_type"] for each in server.asked] == ["document", "query"]


def test_a_failure_keeps_what_came_before_it(home: Home) -> None:
    too_long = plain({"error": {"message": "that is too long"}}, 400)
    with serving(answer, answer, too_long) as server:
        env, path = env_of(home, server, "max_batch_size: 1"), str(home.folder / "s")
        problem = store(env, path, TEXTS).failure()
    assert problem.kind == "input" and "too long" in problem.message
    with serving(answer) as server:
        assert store(env_of(home, server), path, TEXTS).unwrap() == Stored("local:m", 1, 2, None)
        assert sent(server.asked) == TEXTS[2:]


def test_the_model_of_a_store_is_the_default_and_another_is_refused(
    home: Home, server: Server
) -> None:
    env, path = env_of(home, server), str(home.folder / "s")
    store(env, path, TEXTS).unwrap()
    others = replace(
        env, config=replace(env.config, model="local:nothing", origin="x")
    )  # which nobody asks
    assert len(search(others, path, "bread").unwrap()) == 3
    config = home.folder / "config.yaml"
    config.write_text(f"{config.read_text()}      - name: n\n        type: embedding\n")
    env = open_env(str(config)).unwrap()
    for result in (
        store(env, path, ["x"], Ask(model="local:n")),
        search(env, path, "x", ask=Ask(model="local:n")),
    ):
        problem = result.failure()
        has = "has vectors of local:m (64 numbers, task document)"
        assert problem.kind == "usage"
        assert problem.message == f"{path} {has}; this is the model n: name another store"
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (Ask(dimensions=8), "this is 8 dimensions"),
        (Ask(purpose="query"), "this is the task query"),
    ],
)
def test_other_options_are_refused(home: Home, server: Server, ask: Ask, message: str) -> None:
    env, path = env_of(home, server), str(home.folder / "s")
    store(env, path, TEXTS).unwrap()
    problem = store(env, path, ["x"], ask).failure()
    assert problem.kind == "usage" and message in problem.message
    patched = replace(env, patches=(Patch(body={"truncate": True}),))
    assert "this is another patch" in search(patched, path, "x").failure().message


def test_a_model_that_is_gone_is_said_with_the_store(home: Home, server: Server) -> None:
    env, path = env_of(home, server), str(home.folder / "s")
    store(env, path, TEXTS).unwrap()
    config = home.folder / "config.yaml"
    config.write_text(config.read_text().replace("name: m\n", "name: n\n"))
    problem = search(open_env(str(config)).unwrap(), path, "x").failure()
    assert problem.kind == "config"
    assert problem.message == (
        f"{path} has vectors of local:m: client 'local' has no model 'm'; known: n; "
        "-m names another way to it"
    )
    with serving(
        plain({"error": {"message": "no such model", "code": "model_not_found"}}, 404)
    ) as gone:
        problem = search(env_of(home, gone), path, "x").failure()
    assert problem.kind == "config" and f"{path} has vectors of local:m: " in problem.message


def test_a_model_that_gives_other_vectors_now_is_said(home: Home, server: Server) -> None:
    path = str(home.folder / "s")
    store(env_of(home, server), path, TEXTS).unwrap()
    with serving(answer_with(8)) as changed:
        env = env_of(home, changed)
        for result in (store(env, path, ["x"]), search(env, path, "x")):
            assert result.failure().message == (
                f"local:m gave 8 numbers, and the vectors of {path} have 64"
            )


def test_a_query_over_the_model_s_limit_is_not_sent(home: Home, server: Server) -> None:
    env, path = env_of(home, server, "max_input_tokens: 20"), str(home.folder / "s")
    store(env, path, TEXTS).unwrap()
    problem = search(env, path, "word " * 100).failure()
    assert problem.kind == "input" and len(server.asked) == 1
    assert problem.message.endswith("m takes 20 (max_input_tokens): ask more briefly")


def test_the_same_model_by_another_client_will_do(home: Home, server: Server) -> None:
    env, path = env_of(home, server), str(home.folder / "s")
    store(env, path, TEXTS).unwrap()
    config = home.folder / "config.yaml"
    config.write_text(config.read_text().replace("name: local", "name: other"))
    env = open_env(str(config)).unwrap()
    found = search(env, path, "bread and water", ask=Ask(model="other:m")).unwrap()
    assert found[0].text == TEXTS[1]


def test_vectors_arrive_bit_by_bit_as_they_were_sent(home: Home, server: Server) -> None:
    env, path = env_of(home, server), str(home.folder / "s")
    store(env, path, TEXTS).unwrap()
    from loki.edge.retrieval.table import open_store

    kept = open_store(path).unwrap().dataset.to_table()["vector"].to_pylist()
    assert kept == [vector_of(text) for text in TEXTS]


def test_the_public_names_load_no_engine() -> None:
    probe = (
        "import sys, loki\nloki.store, loki.search, loki.Passage\n"
        "print({'lance', 'pyarrow', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, timeout=60)
    assert done.stdout.decode().strip() == "set()"
    assert {"store", "search", "Passage", "Match", "Stored"} <= set(loki.__all__)


def test_without_the_engine_it_says_what_to_install(
    home: Home, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    env, path = env_of(home, server), Path(home.folder / "s")
    monkeypatch.setitem(sys.modules, "lance", None)
    for result in (store(env, str(path), TEXTS), search(env, str(path), "x")):
        problem = result.failure()
        assert problem.kind == "config"
        assert problem.message == "a store needs Lance: pip install '.[search]' in loki's folder"
    assert not path.exists() and not server.asked
