"""loki-batch --batch-api, the real command: recorded jobs, bad days, and its flags."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from batch_replay import CLIENTS, flow_params, flows, replay_config, replaying, rows_of
from commands import BIN, Done, Home
from fake_batches import Provider, configuration, name_of, provider
from filelock import FileLock
from servers import serving

from loki.batch.row_key import ask_key
from loki.records import Ask


def write_rows(home: Home, count: int, **more: Any) -> str:
    """Write an input of some rows; return its path."""
    path = home.folder / "in.jsonl"
    lines = ({"id": f"id-{n}", "prompt": f"P{n}", **more} for n in range(count))
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def jobs(home: Home, model: str, *words: str, rows: bool = True) -> Done:
    """The command."""
    given = [str(home.folder / "in.jsonl")] if rows else []
    out = str(home.folder / "out.jsonl")
    return home.run("-m", model, "--batch-api", *given, "-o", out, *words, prog="loki-batch")


def read(home: Home) -> list[Any]:
    """The rows of the output, in the order of the input."""
    path = home.folder / "out.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return sorted(lines, key=lambda line: line["line"])


VISION = "      - name: v\n        supports_vision: true\n        max_output_tokens: 9\n"


def test_attachments_at_addresses_go_into_a_job_once(home: Home) -> None:
    """Also where an earlier version knew the row by what stands there, as a local file's is."""
    picture = b"\x89PNG\r\n\x1a\nx"
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(picture)}\r\nconnection: close\r\n\r\n"
    (home.folder / "a.png").write_bytes(picture)
    with (
        provider("openai", polls=9) as (fake, server),
        serving([head.encode() + picture, b""]) as web,
    ):
        home.configure(configuration("openai", server.address, VISION))
        write_rows(home, 1, files=[str(home.folder / "a.png")])
        assert jobs(home, "openai:v").code == 75
        write_rows(home, 2, files=[f"{web.address}/a.png"])
        for _ in range(2):
            check = jobs(home, "openai:v", "--check")
            done = jobs(home, "openai:v")
            assert done.code == 75, done.err
        assert [len(job.rows) for job in fake.jobs.values()] == [1, 1]
        assert check.out.startswith("0 left") and "2 out" in check.out
        plain = home.run(
            *("-m", "openai:v", str(home.folder / "in.jsonl")),
            *("-o", str(home.folder / "out.jsonl")),
            prog="loki-batch",
        )
        assert plain.code == 75 and "2 out as batch jobs" in plain.err, plain.err


# ---- recorded jobs -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", flow_params("results"))
def test_a_recorded_job_comes_out_as_it_was(home: Home, name: str) -> None:
    check_replay(home, name)


@pytest.mark.parametrize("name", flow_params("create", "poll"))
def test_a_recorded_job_with_answers_in_itself_comes_out_as_it_was(home: Home, name: str) -> None:
    if rows_of(flows()[name]):
        check_replay(home, name)


def check_replay(home: Home, name: str) -> None:
    """See that the rows of a recorded job have its words, tokens and costs."""
    steps, expected = flows()[name], rows_of(flows()[name])
    with replaying(name) as (_, server):
        home.configure(replay_config(steps, server.address))
        write_rows(home, len(expected))
        done = jobs(home, f"{CLIENTS[steps[0]['provider']][2]}:m", "--wait=60s", "--retries=0")
    assert done.code == int(any(not row["ok"] for row in expected)), done.err
    lines = read(home)
    assert [line["id"] for line in lines] == [f"id-{n}" for n in range(len(expected))]
    for line, row in zip(lines, expected, strict=True):
        assert ("error" not in line) == row["ok"] and line["tier"] == "batch"
        if row["ok"]:
            check_row(line, row)


def check_row(line: Any, row: Any) -> None:
    """See that a row has the words, the tokens and the cost that were recorded."""
    usage = line["usage"]
    assert line["text"].startswith(row["text"][:30]), row
    assert (usage["input"], usage["output"]) == (row["usage_in"], row["usage_out"])
    assert usage["reasoning"] == (row.get("reasoning") or usage["reasoning"])
    if row.get("billed"):
        assert line["cost"] == row["billed"] / 10**10
    else:
        assert line["cost"] == pytest.approx((row["usage_in"] * 2 + row["usage_out"] * 8) / 2e6)
    assert line["seconds"] is None and line["attempts"] is None


@pytest.mark.parametrize("name", flow_params("create", "cancel"))
def test_a_recorded_cancellation_is_waited_for(home: Home, name: str) -> None:
    steps = flows()[name]
    with replaying(name) as (_, server):
        home.configure(replay_config(steps, server.address))
        write_rows(home, 1)
        model = f"{CLIENTS[steps[0]['provider']][2]}:m"
        assert jobs(home, model).code == 75
        done = jobs(home, model, "--cancel", rows=False)
    assert done.code == 75 and "cancel" in done.err and read(home) == []


# ---- the command ---------------------------------------------------------------------------------


@contextmanager
def at(home: Home, kind: str = "openai", **facts: Any) -> Iterator[Provider]:
    """A provider, and a home whose client is there."""
    with provider(kind, **facts) as (fake, server):
        home.configure(configuration(kind, server.address))
        yield fake


def test_a_job_is_submitted_left_and_collected_by_the_same_words(home: Home) -> None:
    write_rows(home, 2)
    with at(home, polls=1) as fake:
        first = jobs(home, "openai:m")
        assert first.code == 75 and first.out == ""
        assert "2 submitted" in first.err and "to go on in 60 s: loki-batch" in first.err
        plain = home.run(
            *("-m", "openai:m", str(home.folder / "in.jsonl"), "-o"),
            str(home.folder / "out.jsonl"),
            prog="loki-batch",
        )
        assert plain.code == 75 and "2 rows are out as batch jobs; --batch-api collects them" in (
            plain.err
        )
        status = jobs(home, "openai:m", "--status", rows=False)
        assert status.code == 75 and "in_progress" in status.out and "0/2 rows" in status.out
        assert jobs(home, "openai:m", rows=False).code == 0
        assert [line["text"] for line in read(home)] == ["re: P0", "re: P1"]
        done = jobs(home, "openai:m", "--status=json", rows=False)
        assert (done.code, done.json) == (0, {"jobs": [], "out": 0})
        assert jobs(home, "openai:m").code == 0 and len(fake.jobs) == 1
        assert "saved" in home.run("--since", "1d", prog="loki-cost").out.lower()


def test_waiting_ends_when_all_is_there_or_the_time_is_over(home: Home) -> None:
    write_rows(home, 2)
    with at(home, polls=2):
        assert jobs(home, "openai:m", "--wait=60s").code == 0
    (home.folder / "out.jsonl").unlink()
    (home.folder / "out.jsonl.jobs").unlink()
    with at(home, polls=10**6):
        assert jobs(home, "openai:m", "--wait=1").code == 75


def test_check_names_jobs_and_both_prices_and_sends_nothing(home: Home) -> None:
    write_rows(home, 3)
    with at(home) as fake:
        done = jobs(home, "openai:m", "--check")
        assert done.code == 0 and fake.calls == []
    assert done.out.startswith("3 left in 1 job (0.0 MB) · at most $0.001206 (one by one $0.0024")
    assert not (home.folder / "out.jsonl.jobs").exists()


def test_rows_that_an_earlier_version_answered_go_into_no_job(home: Home) -> None:
    write_rows(home, 3)
    keys = [ask_key(Ask(f"P{n}", model="openai:m")) for n in range(2)]
    lines = ({"id": f"id-{n}", "line": n + 1, "key": key} for n, key in enumerate(keys))
    out = home.folder / "out.jsonl"
    out.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with at(home) as fake:
        check = jobs(home, "openai:m", "--check")
        assert check.out.startswith("1 left in 1 job") and "2 done before" in check.out
        jobs(home, "openai:m", "--wait=60s")
        assert [*fake.paid.values()] == [1]
    assert len(read(home)) == 3


#: Words beside --batch-api, and what is wrong with them.
USAGE = [
    (["-j", "4"], "-j and --batch-api: the provider sets the pace"),
    (["--rpm", "4"], "--rpm and --batch-api"),
    (["--ordered"], "--ordered and --batch-api: rows come when their job is done"),
    (["--fallback", "openai:n"], "--fallback and --batch-api: a job has one model"),
    (["--window", "7d"], "--window 168h: openai:m offers 24h"),
    (["--forget", "nobody"], "no open job 'nobody'"),
    (["--patch", '{"headers": {"X-A": "1"}}'], "a patch sets headers"),
    (["--patch", '{"url": "https://a.example"}'], "a patch sets url"),
    (["--param", "stream=true"], "sets stream, which no row of a batch job has"),
    (["--patch", '{"body": {"stream": true}}'], "sets stream, which no row of a batch job has"),
]


@pytest.mark.parametrize(("words", "message"), USAGE)
def test_flags_that_make_no_sense_are_refused(home: Home, words: list[str], message: str) -> None:
    write_rows(home, 1)
    with at(home) as fake:
        done = jobs(home, "openai:m", *words)
        assert done.code == 64 and message in done.err and fake.calls == []


def test_a_client_without_batch_api_is_refused_and_never_asked_at_full_price(home: Home) -> None:
    write_rows(home, 1)
    home.local("http://127.0.0.1:9")
    done = jobs(home, "local:m")
    assert done.code == 64 and "local:m has no batch API" in done.err
    for type_, more in (("bedrock", "region: us-east-1"), ("vertexai", "project_id: p")):
        home.configure(
            f"clients:\n  - type: {type_}\n    {more}\n    location: global\n"
            if type_ == "vertexai"
            else f"clients:\n  - type: {type_}\n    {more}\n"
        )
        done = jobs(home, f"{type_}:claude-x")
        assert done.code == 64 and "has no batch API here yet" in done.err, done.err


def test_cancelled_jobs_are_collected_and_not_sent_again_by_that_call(home: Home) -> None:
    write_rows(home, 2)
    fates = {"P1": "expired"}
    with at(
        home, polls=9, row=lambda id, body: fates.get(body["messages"][-1]["content"], "ok")
    ) as (fake):
        jobs(home, "openai:m")
        done = jobs(home, "openai:m", "--cancel")
        assert "cancel" in fake.calls and len(fake.jobs) == 1
        assert [line["text"] for line in read(home)] == ["re: P0"], done.err


def test_again_asks_failed_rows_once_more(home: Home) -> None:
    write_rows(home, 2)
    fates = {"P1": "bad"}
    with at(home, row=lambda id, body: fates.get(body["messages"][-1]["content"], "ok")) as fake:
        assert jobs(home, "openai:m", "--wait=60s").code == 1
        assert jobs(home, "openai:m").code == 1 and len(fake.jobs) == 1
        fates.clear()
        assert jobs(home, "openai:m", "--again", "--wait=60s").code == 0 and len(fake.jobs) == 2
    assert [line["text"] for line in read(home)] == ["re: P0", "re: P1"]


def test_fields_of_the_input_go_with_the_answers(home: Home) -> None:
    write_rows(home, 2)
    with at(home):
        assert jobs(home, "openai:m", "--keep").code == 75
        assert "name IN" in jobs(home, "openai:m", rows=False).err
        assert jobs(home, "openai:m", "--keep").code == 0
    assert [line["prompt"] for line in read(home)] == ["P0", "P1"]


def test_a_table_comes_out_as_a_table(home: Home) -> None:
    (home.folder / "in.csv").write_text("id,lang\na,fr\nb,de\n")
    words = ["-m", "openai:m", "--batch-api", "--csv", "--template", "To {lang}"]
    words += [str(home.folder / "in.csv"), "-o", str(home.folder / "out.csv"), "--wait=60s"]
    with at(home):
        assert home.run(*words, prog="loki-batch").code == 0
    lines = (home.folder / "out.csv").read_text().splitlines()
    assert lines[0].startswith("id,lang,line,key,model,text") and len(lines) == 3
    assert {line.split(",")[5] for line in lines[1:]} == {"re: To fr", "re: To de"}


def test_two_at_once_wait_for_each_other(home: Home) -> None:
    write_rows(home, 1)
    with at(home, polls=10**6):
        process = home.start(
            *("-m", "openai:m", "--batch-api", str(home.folder / "in.jsonl")),
            *("-o", str(home.folder / "out.jsonl"), "--wait"),
            prog="loki-batch",
        )
        while not (home.folder / "out.jsonl.jobs").exists():
            assert process.poll() is None
        second = jobs(home, "openai:m")
        assert second.code == 75 and "another run" in second.err
        process.terminate()
        assert process.wait(30) == 143
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def test_results_are_deleted_there_when_asked(home: Home) -> None:
    write_rows(home, 1)
    with at(home) as fake:
        jobs(home, "openai:m", "--remote-delete", "--wait=60s")
        assert sorted(fake.deleted) == ["file-1", "out-job-1"]


def test_a_journal_that_others_can_write_is_refused_and_a_torn_one_goes_on(home: Home) -> None:
    write_rows(home, 1)
    with at(home):
        assert jobs(home, "openai:m").code == 75
        out = home.folder / "out.jsonl"
        os.chmod(home.folder / "out.jsonl.jobs", 0o666)
        refused = jobs(home, "openai:m")
        assert refused.code == 78 and "jobs" in refused.err
        os.chmod(home.folder / "out.jsonl.jobs", 0o600)
        with open(home.folder / "out.jsonl.jobs", "ab") as file:
            file.write(b'{"torn": ')
        assert jobs(home, "openai:m").code == 0 and out.read_text().count("re: P0") == 1


def test_a_damaged_journal_is_left_as_it_is(home: Home) -> None:
    write_rows(home, 1)
    with at(home) as fake:
        jobs(home, "openai:m")
        path = home.folder / "out.jsonl.jobs"
        path.write_text("what?\n" + path.read_text())
        done = jobs(home, "openai:m")
        assert done.code == 65 and "out.jsonl.jobs:1: not a line" in done.err
        assert len(fake.jobs) == 1


@pytest.mark.parametrize(
    "damage", ["no plan", '{"plan": 5}', '{"rows": "a", "items": [[1, 2, 3]]}']
)
@pytest.mark.parametrize("words", [[], ["--status"]])
def test_a_journal_without_a_plan_or_shape_is_refused_and_pays_nothing(
    home: Home, damage: str, words: list[str]
) -> None:
    write_rows(home, 1)
    with at(home, polls=9) as fake:
        jobs(home, "openai:m")
        path = home.folder / "out.jsonl.jobs"
        lines = path.read_text().splitlines()
        kept = lines[1:] if damage == "no plan" else [*lines, damage]
        path.write_text("".join(f"{line}\n" for line in kept))
        done = jobs(home, "openai:m", *words)
        assert done.code == 65 and "not a line of loki-batch --batch-api" in done.err, done.err
        assert len(fake.jobs) == 1


def test_a_link_to_an_output_is_the_same_run(home: Home) -> None:
    write_rows(home, 2)
    with at(home, polls=10**6) as fake:
        assert jobs(home, "openai:m").code == 75
        link = home.folder / "link.jsonl"
        link.symlink_to("out.jsonl")
        words = ["-m", "openai:m", str(home.folder / "in.jsonl"), "-o", str(link)]
        for more in (["--batch-api"], ["--batch-api", "--status"], []):
            assert home.run(*words, *more, prog="loki-batch").code == 75
        assert len(fake.jobs) == 1 and not (home.folder / "link.jsonl.jobs").exists()
        with FileLock(f"{home.folder / 'out.jsonl'}.lock"):
            busy = home.run(*words, prog="loki-batch")
        assert busy.code == 75 and "another run is writing" in busy.err
    assert link.is_symlink()


def test_mixed_models_go_in_jobs_of_their_own(home: Home) -> None:
    path = home.folder / "in.jsonl"
    rows = [{"id": n, "prompt": f"P{n}", "model": f"openai:{'mn'[n % 2]}"} for n in range(4)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with at(home) as fake:
        assert jobs(home, "openai:m", "--wait=60s").code == 0
        assert [len(job.rows) for job in fake.jobs.values()] == [2, 2]
    assert [line["model"] for line in read(home)] == ["openai:m", "openai:n"] * 2


def test_answers_meet_their_schema_and_what_does_not_is_billed(home: Home) -> None:
    write_rows(home, 1)
    with at(home):
        schema = '{"type": "object"}'
        done = jobs(home, "openai:m", "--schema", schema, "--wait=60s", "--summary", os.devnull)
        assert done.code == 1
    (line,) = read(home)
    assert line["error"]["kind"] == "input" and line["cost"] == 3e-05 and line["text"] == "re: P0"
    with sqlite3.connect(home.folder / "ledger.db") as db:
        assert db.execute("SELECT cost, usual_cost, outcome FROM calls").fetchall() == [
            (30_000_000, 60_000_000, "input")
        ]


def test_no_key_is_in_a_message_and_no_prompt_in_the_journal(home: Home) -> None:
    write_rows(home, 1)
    body = {"error": {"message": "Key sk-batch-secret is bad.", "code": "invalid_api_key"}}
    with at(home, reject={"upload": (401, body)}):
        done = jobs(home, "openai:m")
    assert done.code == 77 and "sk-batch-secret" not in done.err
    assert "P0" not in Path(home.folder / "out.jsonl.jobs").read_text()
    assert name_of("anthropic") == "claude"


def test_a_full_disk_loses_nothing_that_was_paid_for(home: Home) -> None:
    write_rows(home, 40)
    with at(home) as fake:
        assert jobs(home, "openai:m").code == 75
        words = ["-m", "openai:m", "--batch-api", "-o", str(home.folder / "out.jsonl")]
        small = (
            f"import resource, os, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({FULL},) * 2)"
        )
        run = "os.execv(sys.argv[1], sys.argv[1:])"
        done = subprocess.run(
            [sys.executable, "-c", f"{small}; {run}", str(BIN / "loki-batch"), *words],
            env={**home.variables(), "LOKI_LEDGER": "/dev/null/none"},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
        assert done.returncode == 74 and "cannot write" in done.stderr, done.stderr
        assert jobs(home, "openai:m", rows=False).code == 0
        assert len(fake.jobs) == 1
    assert [line["id"] for line in read(home)] == [f"id-{n}" for n in range(40)]


FULL = 9000  # bytes that a file may have: more than the journal, less than the answers


def test_a_command_that_is_killed_while_it_pays_finds_its_job_again(home: Home) -> None:
    write_rows(home, 2)
    asked, killed = threading.Event(), threading.Event()

    class Slow(Provider):
        def respond(self, name: str, *values: Any) -> Any:
            answer = super().respond(name, *values)
            if name == "create":
                asked.set()
                assert killed.wait(30)
            return answer

    fake = Slow("openai")
    with serving(fake) as server:
        home.configure(configuration("openai", server.address))
        process = home.start(
            *("-m", "openai:m", "--batch-api", str(home.folder / "in.jsonl")),
            *("-o", str(home.folder / "out.jsonl")),
            prog="loki-batch",
        )
        assert asked.wait(30)
        process.kill()
        assert process.wait(30) == -signal.SIGKILL
        killed.set()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            stream.close()
        done = jobs(home, "openai:m", "--wait=60s")
        assert done.code == 0 and "was found again: it is job-1" in done.err
    assert len(fake.jobs) == 1 and set(fake.paid.values()) == {1} and len(read(home)) == 2


def test_a_schema_is_known_where_the_input_is_not(home: Home) -> None:
    class Structured(Provider):
        def do_content(self, asked: Any, name: str) -> Any:
            return super().do_content(asked, name).replace(b'"re: P0"', b'"{\\"n\\": 1}"')

    write_rows(home, 1)
    schema = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
    with serving(Structured("openai")) as server:
        home.configure(configuration("openai", server.address))
        assert jobs(home, "openai:m", "--schema", schema).code == 75
        done = jobs(home, "openai:m", rows=False)
        assert done.code == 0, done.err
    assert read(home)[0]["data"] == {"n": 1}


def test_texts_are_embedded_in_jobs(home: Home) -> None:
    write_rows(home, 2)
    for kind in ("openai", "gemini"):
        with at(home, kind):
            assert jobs(home, f"{kind}:e", "--embed", "--wait=60s").code == 0
        assert [line["embedding"] for line in read(home)] == [[1.0, 0.0]] * 2
        (home.folder / "out.jsonl").unlink()
        (home.folder / "out.jsonl.jobs").unlink()


def test_a_provider_without_jobs_for_embeddings_says_so(home: Home) -> None:
    write_rows(home, 1)
    with at(home, "xai") as fake:
        done = jobs(home, "xai:e", "--embed")
        assert done.code == 64 and "has no batch API for embeddings" in done.err
        assert fake.calls == []


def test_only_when_all_rows_are_answered_is_the_end_0(home: Home) -> None:
    write_rows(home, 2)
    fates = {"P1": "broke"}
    with at(home, row=lambda id, body: fates.get(body["messages"][-1]["content"], "ok")) as fake:
        assert jobs(home, "openai:m").code == 75
        assert jobs(home, "openai:m", rows=False).code == 81
        for words in ([], ["--wait=1"], ["--status"]):
            done = jobs(home, "openai:m", *words, rows=False)
            assert done.code == 75, (words, done.err)
        assert "1 unanswered" in jobs(home, "openai:m", rows=False).err
        fates.clear()
        assert jobs(home, "openai:m", "--wait=60s").code == 0 and len(fake.jobs) == 2
        assert jobs(home, "openai:m", "--status", rows=False).code == 0


def test_an_output_that_was_removed_is_no_success(home: Home) -> None:
    write_rows(home, 2)
    with at(home):
        assert jobs(home, "openai:m", "--wait=60s").code == 0
        (home.folder / "out.jsonl").unlink()
        for words in (["--status"], []):
            done = jobs(home, "openai:m", *words, rows=False)
            assert done.code == 75, done.err
        assert "where IN is named" in done.err


def test_rows_of_a_pipe_that_came_back_are_not_forgotten(home: Home) -> None:
    rows = "".join(json.dumps({"id": n, "prompt": f"P{n}"}) + "\n" for n in range(2))
    fates = {"P1": "busy"}
    with at(home, row=lambda id, body: fates.get(body["messages"][-1]["content"], "ok")) as fake:
        words = ["-m", "openai:m", "--batch-api", "-", "-o", str(home.folder / "out.jsonl")]
        done = home.run(*words, "--wait=60s", stdin=rows, prog="loki-batch")
        assert done.code == 75 and len(fake.jobs) == 1, done.err


def test_the_status_of_no_jobs_is_missing(home: Home) -> None:
    with at(home):
        done = jobs(home, "openai:m", "--status", rows=False)
    assert done.code == 66 and "there is no" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ["--patch", '{"body": {"api_key": "sk-hidden-123456"}}'],
        ["--param", "user.api_key=sk-hidden-123456"],
        ["--proxy", "http://me:sk-hidden-123456@127.0.0.1:9"],
    ],
)
def test_the_words_to_go_on_with_show_no_secret_though_nothing_was_sent(
    home: Home, words: list[str]
) -> None:
    write_rows(home, 1)
    with at(home) as fake:
        done = jobs(home, "openai:m", "--max-cost", "0.0000001", *words)
    assert done.code == 80 and fake.calls == [], done.err
    assert "to go on: " in done.err and words[0] in done.err
    assert "hidden" not in done.err and "***" in done.err
