"""What an answer brings, as a shell sees it: bytes, sources, parts that are no text, ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import Home
from servers import ANSWER, COUNTED, DONE, Step, chunk, delta, plain, reply, serving, streamed

from loki.edge import schema_check

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CALL = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}
CUT_CALL = {"index": 1, "id": "b", "function": {"name": "g", "arguments": '{"x"'}}
PAGE = {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}


def bytes_of(script: list[Step]) -> bytes:
    """Return the body that a chunked script sends."""
    chunks = [step for step in script[1:] if isinstance(step, bytes)]
    return b"".join(each.partition(b"\r\n")[2].removesuffix(b"\r\n") for each in chunks)


# ---- raw -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["-S"]])
def test_raw_prints_the_bytes_as_they_came(home: Home, words: list[str]) -> None:
    whole = plain({**reply(), "logprobs": [0.5], "choices": reply()["choices"] * 2})
    script = whole if words else ANSWER
    with serving(script) as server:
        home.local(server.address)
        done = home.call("-o", "raw", *words, "Hi")
    sent = whole[0]
    assert isinstance(sent, bytes)
    expected = sent.partition(b"\r\n\r\n")[2] if words else bytes_of(ANSWER)
    assert (done.code, done.out.encode(), done.err) == (0, expected, "")


RAW_ENDS: list[tuple[Any, int]] = [
    (plain({"error": {"message": "No."}}, 400), 65),
    (plain({"error": {"message": "Later."}}, 429), 75),
    (plain({"error": {"message": "No."}}), 76),
    (streamed(delta("Hi"), end=True), 76),
    (streamed(delta(None, "length"), COUNTED, DONE), 65),
    (streamed(delta(None, "content_filter"), COUNTED, DONE), 79),
]


@pytest.mark.parametrize(("script", "code"), RAW_ENDS)
def test_raw_is_checked_as_any_answer(home: Home, script: Any, code: int) -> None:
    with serving(script) as server:
        home.local(server.address)
        done = home.call("-o", "raw", "--retries", "0", "Hi")
    assert done.code == code and len(done.err.splitlines()) == 1


def test_raw_is_tried_again_and_counted(home: Home) -> None:
    with serving(plain({"error": "Later."}, 503, "retry-after: 0\r\n"), ANSWER) as server:
        home.local(server.address)
        done = home.call("-o", "raw", "Hi")
        cost = home.call("-o", "json", prog="loki-cost")
    assert done.out.encode() == bytes_of(ANSWER) and len(server.asked) == 2
    assert cost.lines[0]["input"] == 10


# ---- sources -------------------------------------------------------------------------------------


def test_sources_are_in_the_object_and_among_the_events(home: Home) -> None:
    source = {"url": "https://a.example", "title": "A", "quote": None}
    with serving(
        streamed(delta("Hi", annotations=[PAGE]), delta(None, "stop", annotations=[PAGE]), DONE)
    ) as server:
        home.local(server.address)
        whole, events = home.call("-o", "json", "Hi"), home.call("-o", "events", "Hi")
        text = home.call("Hi")
    assert whole.json["sources"] == [source] == events.lines[-1]["sources"]
    assert {"type": "source", **source} in events.lines
    assert (text.out, text.err) == ("Hi\n", "")


def test_an_answer_without_sources_names_none(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        assert "sources" not in home.call("-o", "json", "Hi").json


def test_sources_have_a_limit_and_say_so(home: Home) -> None:
    pages = [f"https://a.example/{number}" for number in range(1001)]
    body = {**reply(), "citations": pages}
    with serving(plain(body)) as server:
        home.local(server.address)
        done = home.call("-S", "-o", "json", "Hi")
    assert len(done.json["sources"]) == 1000 and done.code == 0
    assert done.err == (
        "loki-pipe: the answer names more than 1,000 sources; the others are left out\n"
    )


# ---- parts that are no text ----------------------------------------------------------------------

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


@pytest.mark.parametrize("words", [[], ["-S"]])
def test_an_image_is_an_item_and_no_empty_success(home: Home, words: list[str]) -> None:
    body = reply()
    body["choices"][0]["message"] = {"content": None, "images": [IMAGE]}
    script = plain(body) if words else streamed(delta(images=[IMAGE]), delta(None, "stop"), DONE)
    with serving(script) as server:
        home.local(server.address)
        whole, text = home.call("-o", "json", *words, "Hi"), home.call(*words, "Hi")
    assert (whole.code, whole.json["items"], whole.json["text"]) == (0, [IMAGE], "")
    assert (text.code, text.out) == (76, "")
    assert "the answer has no text, only image_url: -o json prints it" in text.err


def test_a_text_beside_an_image_is_printed_with_a_note(home: Home) -> None:
    script = streamed(delta("Here: ", images=[IMAGE]), delta(None, "stop"), DONE)
    with serving(script) as server:
        home.local(server.address)
        done = home.call("Hi")
    assert (done.code, done.out) == (0, "Here: \n")
    assert "parts that are no text (image_url): use -o json to see them" in done.err


# ---- ends ----------------------------------------------------------------------------------------

ENDS: list[tuple[str, list[bytes], int, str]] = [
    ("length", [delta("Hi", "length")], 65, "input: the answer was cut off at the limit"),
    ("filter", [delta("Hi", "content_filter")], 79, "refused: the answer was stopped"),
    ("tools", [delta("Hi", "tool_calls", tool_calls=[CALL])], 64, "usage: the model wants to call"),
]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(("name", "frames", "code", "message"), ENDS)
def test_fail_on_makes_an_exit_code_of_a_note(
    home: Home, name: str, frames: list[bytes], code: int, message: str, form: str
) -> None:
    others = [word for each, *_ in ENDS if each != name for word in ("--fail-on", each)]
    with serving(streamed(*frames, COUNTED, DONE)) as server:
        home.local(server.address)
        failed = home.call("-o", form, "--fail-on", name, "Hi")
        passed = home.call("-o", form, *others, "Hi")
    assert (failed.code, passed.code) == (code, 0)
    assert f"loki-pipe: {message}" in failed.err and message not in passed.err
    # the answer was paid for, and is printed all the same
    assert failed.out.startswith("Hi" if form == "text" else "{")


def test_a_whole_answer_does_not_fail(home: Home) -> None:
    words = [word for each, *_ in ENDS for word in ("--fail-on", each)]
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call(*words, "Hi")
    assert (done.code, done.out, done.err) == (0, "Hello.\n", "")


def test_what_is_whole_of_an_answer_that_was_cut_in_a_call_is_kept(home: Home) -> None:
    frames = [delta("Hi", tool_calls=[CALL, CUT_CALL]), delta(None, "length"), COUNTED, DONE]
    with serving(streamed(*frames)) as server:
        home.local(server.address)
        done = home.call("-o", "json", "Hi")
    result = done.json
    assert (done.code, result["finish"], result["text"]) == (0, "length", "Hi")
    assert [call["name"] for call in result["tool_calls"]] == ["f"]
    assert "the call of g was cut off by the token limit, and left out" in done.err


# ---- labels --------------------------------------------------------------------------------------


def test_a_stream_is_read_as_what_it_is_whatever_its_label(home: Home) -> None:
    head = HEAD.replace(b"text/event-stream", b"application/json")
    body = [chunk(delta("Hel")), chunk(delta("lo.")), chunk(delta(None, "stop")), chunk(COUNTED)]
    with serving([head, *body, b"0\r\n\r\n"]) as server:
        home.local(server.address)
        done = home.call("Hi")
    assert (done.code, done.out, done.err) == (0, "Hello.\n", "")


# ---- before and after sending --------------------------------------------------------------------


def test_a_dry_run_ends_with_what_it_takes_and_may_cost(home: Home) -> None:
    prices = "input_price: 2\noutput_price: 8\nmax_output_tokens: 1000"
    home.local("http://127.0.0.1:9", prices)
    priced = home.call("--dry-run", ("some words " * 364)[:4000])
    quiet = home.call("-q", "--dry-run", "Hi")
    home.local("http://127.0.0.1:9")
    unknown = home.call("--dry-run", "Hi")
    assert priced.err == "loki-pipe: about 1,000 tokens in, at most $0.01\n"
    assert unknown.err == "loki-pipe: about 1 token in, cost unknown\n" and quiet.err == ""
    assert json.loads(priced.out)["method"] == "POST"


def test_a_parameter_that_is_refused_is_told_with_the_patch_that_helps(home: Home) -> None:
    error = {"error": {"message": "Unsupported parameter: 'temperature'.", "param": "temperature"}}

    def answer(asked: Any) -> Any:
        return plain(error, 400) if "temperature" in asked.json else ANSWER

    with serving(answer) as server:
        home.local(server.address)
        refused = home.call("-t", "1", "Hi")
        patch = refused.err.partition("--patch '")[2].partition("'")[0]
        mended = home.call("-t", "1", "--patch", patch, "Hi")
    assert refused.code == 65 and patch == '{"body":{"temperature":null}}'
    assert (mended.code, mended.out) == (0, "Hello.\n")


def test_tools_of_the_provider_pass_through_beside_ours(home: Home, tmp_path: Path) -> None:
    ours = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    own = {"type": "web_search", "search_context_size": "low"}
    for tools in ([own], [ours, own]):
        (tmp_path / "t.json").write_text(json.dumps(tools))
        with serving(ANSWER) as server:
            home.local(server.address, "supports_function_calling: true")
            done = home.call("--tools", str(tmp_path / "t.json"), "Hi")
        assert (done.code, server.asked[0].json["tools"]) == (0, tools)


def test_a_search_where_there_is_none_is_a_wrong_use(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call("--search", "Hi")
    assert (done.code, done.out, server.asked) == (64, "", [])
    assert done.err == "loki-pipe: usage: local has no web search of its own for m\n"


def test_nobody_knows_beforehand_what_a_search_may_cost(home: Home) -> None:
    client = "clients:\n- type: claude\n  api_key: k\n"
    home.configure(f"{client}  models:\n  - name: m\n    input_price: 1\n    output_price: 1\n")
    limited = home.call("--search", "--max-tokens", "9", "--max-cost", "1", "Hi")
    shown = home.call("--search", "--max-tokens", "9", "--dry-run", "Hi")
    known = home.call("--max-tokens", "9", "--dry-run", "Hi")
    assert limited.code == 80 and "worst case" in limited.err
    assert shown.err == "loki-pipe: about 1 token in, cost unknown\n"
    assert "at most $0.00001" in known.err


def test_the_detail_of_an_image_is_kept(home: Home, tmp_path: Path) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://a.example/a.png", "detail": "low"}}
    (tmp_path / "m.json").write_text(json.dumps([{"role": "user", "content": [image]}]))
    with serving(ANSWER) as server:
        home.local(server.address, "supports_vision: true")
        assert home.call("--messages", str(tmp_path / "m.json")).code == 0
    assert server.asked[0].json["messages"][0]["content"] == [image]


# ---- answers that are refused -------------------------------------------------------------------

STEPS = {f"x{i}": {"anyOf": [{"$ref": f"#/$defs/x{i + 1}"}] * 3} for i in range(30)}
ENDLESS = {"$ref": "#/$defs/x0", "$defs": {**STEPS, "x30": {"type": "object"}}}

#: Flags, what the model answers, and the end of the message.
REFUSED: dict[str, tuple[list[str], str]] = {
    "a breach": (["--schema", '{"properties": {"n": {"type": "integer"}}}'], '{"n": "x"}'),
    "no JSON": (["--schema", "true"], "I cannot."),
    "no block": (["-c"], "no code"),
    "an endless check": (["--schema", json.dumps(ENDLESS)], "5"),
    "a tool loop": (["--run-tools", "--tools", "TOOLS", "--schema", "true"], "No."),
}


@pytest.mark.parametrize(("words", "text"), REFUSED.values(), ids=list(REFUSED))
def test_an_answer_that_is_refused_is_kept_in_a_file(
    home: Home, words: list[str], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_check, "LIMIT", 1.0)
    with serving(plain(reply(text))) as server:
        home.local(server.address, "supports_function_calling: true")
        tools = home.folder / "tools.json"
        tool = {"type": "function", "function": {"name": "f"}, "command": ["cat"]}
        tools.write_text(json.dumps([tool]))
        named = [str(tools) if word == "TOOLS" else word for word in words]
        done = home.call("-S", *named, "Hi")
    assert (done.code, done.out) == (65, ""), done.err
    path = Path(done.err.partition("; the answer is kept in ")[2].split()[0])
    assert path.parent == home.folder and path.read_text() == text


def test_an_answer_of_which_json_has_the_text_needs_no_file(home: Home) -> None:
    with serving(plain(reply("No."))) as server:
        home.local(server.address)
        done = home.call("-S", "-o", "json", "--schema", "true", "Hi")
        assert done.code == 65 and json.loads(done.err.splitlines()[1])["text"] == "No."
        conversation = home.folder / "talk.jsonl"
        talked = home.call("-S", "-C", str(conversation), "--schema", "true", "Hi")
    assert talked.code == 65 and "is kept in" not in done.err + talked.err
    assert not [*home.folder.glob("loki-pipe-*")]
    assert "No." in Path(f"{conversation}.aside").read_text()


def test_half_an_answer_that_was_to_meet_a_schema_is_kept(home: Home) -> None:
    with serving(streamed(delta('{"n": '))) as server:
        home.local(server.address)
        done = home.call("--schema", "true", "Hi")
    assert (done.code, done.out) == (76, "")
    path = Path(done.err.partition("; the answer is kept in ")[2].split()[0])
    assert path.read_text() == '{"n": '
