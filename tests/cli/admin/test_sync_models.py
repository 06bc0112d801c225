"""--sync-models and --list-models: the commands against a real server, and what is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import Home, with_environ
from servers import Step, plain, serving

from loki.config.catalogue import catalogue_facts, parse_section
from loki.config.catalogue_update import describe_changes, format_catalogue, parse_catalogue
from loki.edge.files import read_catalogue

SHIPPED = read_catalogue({"LOKI_CACHE_DIR": "/nowhere"})
TODAY = str(catalogue_facts(SHIPPED)["date"])

NEWER: Any = {
    "date": "2031-02-03",
    "sources": {"hand": "1"},
    "clients": {
        "openai": {
            "gpt-9": {"type": "chat", "input_price": 0.10, "variants": {">1000": {"input": 4}}},
            "gpt-4o": {"type": "chat", "input_price": 99, "patch": {"url": "https://evil.example"}},
            "gpt-9-embed": {"type": "embedding", "dimensions": 8, "max_batch_size": 3},
            "gpt-9-rank": {"type": "reranker", "search_price": 0.002},
        }
    },
}


def synced(home: Home, *answers: list[Step], path: str = "/m.json") -> Any:
    """``loki --sync-models`` against a server, and what the server was asked."""
    with serving(*answers) as server:
        asking = with_environ(home, {"LOKI_SYNC_MODELS_URL": server.address + path})
        return asking.run("--sync-models", prog="loki"), server.asked


def listed(home: Home, *words: str) -> Any:
    """``loki --list-models`` of a home with one OpenAI client."""
    home.configure("clients:\n  - type: openai\n    api_key: k\n")
    return home.run("--list-models", *words, prog="loki")


def test_a_newer_catalogue_is_read_told_of_and_used(home: Home) -> None:
    assert "openai:gpt-9\n" not in listed(home).out
    done, asked = synced(home, plain(NEWER))
    assert (done.code, done.err) == (0, "")
    first, path = done.out.splitlines()
    assert first.startswith("4 models, 3 new, ") and "1 with other prices" in first
    assert f"of 2031-02-03, before {TODAY}" in first
    assert asked[0].line.startswith("GET /m.json ")
    assert "authorization" not in asked[0].headers and "cookie" not in asked[0].headers
    assert Path(path).stat().st_mode & 0o777 == 0o600
    rows = {row["model"]: row for row in listed(home, "-o", "json").lines}
    assert list(rows) == [f"openai:{name}" for name in NEWER["clients"]["openai"]]
    assert rows["openai:gpt-9"]["input_price"] == 0.1
    assert rows["openai:gpt-9"]["variants"] == {">1000": {"input": 4}}
    assert rows["openai:gpt-9-embed"]["dimensions"] == 8
    info = home.run("--info", prog="loki").out.splitlines()
    assert ["catalogue", "2031-02-03"] in [line.split() for line in info]


def test_a_catalogue_cannot_send_requests_elsewhere(home: Home) -> None:
    done, _ = synced(home, plain(NEWER))
    kept = Path(done.out.splitlines()[1]).read_text()
    assert "evil" not in kept and "patch" not in kept


#: A generation that nobody knew: a model without sampling, and a family asked in another way.
LATER: Any = {
    "date": "2031-02-03",
    "clients": {
        "openai": {
            "mind-1": {
                "type": "chat",
                "supports_function_calling": True,
                "supports_sampling_params": False,
                "reasoning_levels": ["medium", "max"],
            },
            "mind-2": {"type": "chat"},
        }
    },
    "families": {
        "mind-2": {
            "clients": ["openai"],
            "models": ["^mind-2"],
            "reasoning": {"by": "object", "efforts": ["low"], "off": None},
        }
    },
}


def drafted(home: Home, *words: str) -> Any:
    """The request of a home whose configuration sets a temperature, or what is said instead."""
    home.configure("temperature: 0.5\nclients:\n  - type: openai\n    api_key: k\n")
    done = home.run("Hi", "--dry-run", *words)
    return done.err if done.code else json.loads(done.out)["body"]


def test_what_a_new_model_can_do_comes_with_the_catalogue(home: Home) -> None:
    def body(model: str, *words: str) -> Any:
        found = drafted(home, "-m", f"openai:{model}", *words)
        return {key: found.get(key) for key in ("temperature", "reasoning_effort", "reasoning")}

    before = {"temperature": 0.5, "reasoning_effort": "high", "reasoning": None}
    assert body("mind-1", "--reasoning", "xhigh") == before
    assert body("mind-2", "--reasoning", "high") == before
    assert synced(home, plain(LATER))[0].code == 0
    after = {"temperature": None, "reasoning_effort": "max", "reasoning": None}
    assert body("mind-1", "--reasoning", "xhigh") == after
    assert body("mind-2-mini", "--reasoning", "high")["reasoning"] == {"effort": "low"}
    message = drafted(home, "-m", "openai:mind-1", "-t", "0.7")
    assert message.startswith(
        "loki-pipe: usage: openai takes no temperature for mind-1; if it does,"
    )


@pytest.mark.parametrize("rows", [[], {"x": {"models": ["m"], "clients": [], "patch": {}}}])
def test_families_of_another_shape_are_refused(home: Home, rows: Any) -> None:
    done, _ = synced(home, plain({**LATER, "families": rows}))
    assert done.code == 76 and "famil" in done.err


@pytest.mark.parametrize(("date", "words"), [(TODAY, "as old as"), ("2020-01-01", "is older than")])
def test_what_is_not_newer_changes_nothing(home: Home, date: str, words: str) -> None:
    done, _ = synced(home, plain({**NEWER, "date": date}))
    assert done.code == 0 and words in done.out
    assert not (home.folder / "models.json").exists()


def chat(more: str) -> bytes:
    """A catalogue with one model, and something about it."""
    return (
        f'{{"date": "2031-01-01", "clients": {{"x": {{"m": {{"type": "chat"{more}}}}}}}}}'.encode()
    )


WRONG = [
    (b"<html>", "the catalogue is not JSON"),
    (b"[" * 100_000, "the catalogue is not JSON"),
    (b'{"date": "2031-01-01"', "the catalogue is not JSON"),
    (b"[]", "it needs a date, and models by name under clients by name"),
    (b'{"date": "2031-01-01", "clients": {}}', "it needs a date, and models"),
    (b'{"date": "soon", "clients": {"x": {}}}', "its date is 'soon', not YYYY-MM-DD"),
    (b'{"date": "2031-01-01", "clients": {"x": []}}', "x has no models by name"),
    (b'{"date": "2031-01-01", "clients": {"x": {"m": {}}}}', "x:m has no type that is chat"),
    (chat(', "input_price": "3"'), "x:m input_price is '3'"),
    (chat(', "input_price": -1'), "x:m input_price is '-1'"),
    (chat(', "input_price": NaN'), "x:m input_price is 'NaN'"),
    (chat(', "input_price": true'), "x:m input_price is 'True'"),
    (chat(', "max_input_tokens": 1.5'), "x:m max_input_tokens is '1.5'"),
    (chat(', "supports_vision": 1'), "x:m supports_vision is '1'"),
    (chat(', "variants": {">x": 1}'), "x:m variants is"),
    (chat(', "variants": {"flex": {"url": 1}}'), "x:m variants is"),
    (chat(', "endpoint": "https://evil.example"'), "x:m endpoint is"),
]


@pytest.mark.parametrize(("data", "words"), WRONG)
def test_a_broken_catalogue_is_refused_with_what_is_wrong(data: bytes, words: str) -> None:
    problem = parse_catalogue(data).failure()
    assert problem.kind == "garbled" and words in problem.message and "\n" not in problem.message


def test_a_broken_catalogue_leaves_the_old_one(home: Home) -> None:
    synced(home, plain(NEWER))
    before = (home.folder / "models.json").read_bytes()
    done, _ = synced(home, plain(chat(', "input_price": "3"')))
    assert done.code == 76 and done.out == ""
    assert done.err == "loki: garbled: the catalogue is wrong: x:m input_price is '3'\n"
    assert (home.folder / "models.json").read_bytes() == before


def redirect(place: str) -> list[Step]:
    """A redirect."""
    return plain(b"", 302, f"location: {place}\r\n")


ANSWERS = [
    (plain(b"", 404), 78, "config: no catalogue at http://127.0.0.1:"),
    (plain(b"", 500), 69, "HTTP 500"),
    (redirect("/m.json"), 76, "more than 5 redirects"),
    (redirect("file:///etc/passwd"), 76, "redirects from https to file:"),
    ([b"HTTP/1.1 200 X\r\ncontent-length: 99\r\n\r\n{", b""], 69, "no catalogue from"),
]


@pytest.mark.parametrize(("answer", "code", "words"), ANSWERS)
def test_an_address_without_a_catalogue_is_told(
    home: Home, answer: list[Step], code: int, words: str
) -> None:
    done, _ = synced(home, answer, path="/m.json?key=secret")
    assert (done.code, done.out) == (code, "")
    assert words in done.err and len(done.err.splitlines()) == 1 and "secret" not in done.err


def test_a_redirect_is_followed(home: Home) -> None:
    done, asked = synced(home, redirect("/there.json"), plain(NEWER))
    assert done.code == 0
    assert [each.line.split()[1] for each in asked] == ["/m.json", "/there.json"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://x/y", "is not an http or https address"),
        ("m.json", "is not an http or https"),
    ],
)
def test_an_address_that_is_none_is_told(home: Home, url: str, words: str) -> None:
    home.configure("clients:\n  - type: openai\n    api_key: k\n")
    done = with_environ(home, {"LOKI_SYNC_MODELS_URL": url}).run("--sync-models", prog="loki")
    assert done.code == 78 and words in done.err


@pytest.mark.parametrize("url", ["", " "])
def test_without_an_address_the_default_is_asked(home: Home, url: str) -> None:
    home.configure("clients:\n  - type: openai\n    api_key: k\n")
    with serving(plain({}, 403)) as proxy:
        environ = {"LOKI_SYNC_MODELS_URL": url, "HTTPS_PROXY": proxy.address}
        done = with_environ(home, environ).run("--sync-models", prog="loki")
    assert done.code == 69 and "no catalogue from https://raw.githubusercontent.com/" in done.err
    assert proxy.asked[0].line.startswith("CONNECT raw.githubusercontent.com:443 ")


YAML = b"""# generated
- provider: openai
  models:
  - name: gpt-brand-new
    type: chat
    max_input_tokens: 5000
    input_price: 0.5
    output_price: 2
    patch: {url: 'https://evil.example'}
"""


def test_the_original_s_list_is_added_to_what_is_known(home: Home) -> None:
    done, _ = synced(home, plain(YAML), path="/models.yaml")
    assert (done.code, done.err) == (0, "") and "1 new, 0 gone" in done.out
    assert "evil" not in Path(done.out.splitlines()[1]).read_text()
    rows = {row["model"]: row for row in listed(home, "-o", "json").lines}
    assert rows["openai:gpt-brand-new"]["input_price"] == 0.5
    assert rows["openai:gpt-4o"]["input_price"] == 2.5
    again, _ = synced(home, plain(YAML), path="/models.yaml")
    assert again.code == 0 and "has nothing new" in again.out
    newer, _ = synced(home, plain(YAML.replace(b"brand-new", b"newest")), path="/models.yaml")
    assert "1 new, 0 gone" in newer.out


def test_netrc_passwords_stay_at_home(home: Home) -> None:
    (home.folder / ".netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    _, asked = synced(home, plain(NEWER))
    assert "authorization" not in asked[0].headers


CUT = format_catalogue(parse_catalogue(json.dumps(NEWER).encode()).unwrap())


@pytest.mark.parametrize(
    "text", ["", "{", CUT[:60], CUT[:-4], CUT.replace("2031", "2019", 1), "\xff"]
)
def test_a_kept_file_that_is_old_or_cut_off_is_not_used(tmp_path: Path, text: str) -> None:
    (tmp_path / "models.json").write_text(text, "latin-1")
    assert read_catalogue({"LOKI_CACHE_DIR": str(tmp_path)}) == SHIPPED
    (tmp_path / "models.json").write_text(CUT)
    assert read_catalogue({"LOKI_CACHE_DIR": str(tmp_path)}) == CUT


def test_the_shipped_catalogue_passes_and_is_written_as_it_is() -> None:
    found = parse_catalogue(SHIPPED.encode()).unwrap()
    assert format_catalogue(found) == SHIPPED
    assert describe_changes(found.clients, found.clients).endswith(
        "0 new, 0 gone, 0 with other prices"
    )
    assert parse_section(format_catalogue(found), "openai") == parse_section(SHIPPED, "openai")


# ---- --list-models -----------------------------------------------------------------------------


def test_models_are_listed_in_columns_that_line_up(home: Home) -> None:
    lines = listed(home, "-m", "openai:gpt-6").out.splitlines()
    assert lines and len({line.index("  chat  ") for line in lines}) == 1
    assert all(line.startswith("openai:gpt-6") for line in lines)


def test_programs_are_told_all_of_it(home: Home) -> None:
    (row,) = listed(home, "-m", "openai:gpt-6.1-sol", "-o", "json").lines
    result = {key for key, value in row.items() if value not in (None, {})}
    assert {"input_price", "cache_write_12h_price", "variants", "supports_reasoning"} <= result
    assert row["variants"]["flex"] == 0.5


def test_nothing_fits_is_an_empty_list(home: Home) -> None:
    done = listed(home, "-m", "nobody:nothing")
    lack = "loki: no model of a configured client has 'nobody:nothing' in its name\n"
    assert (done.code, done.out, done.err) == (0, "", lack)
