"""Every example of the README and of the contract, typed as it stands, against servers here."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator

import embedding
import pytest
from commands import BIN, Done, Home
from documents import blocks
from servers import COUNTED, DONE, Asked, Script, Server, delta, plain, reply, serving, streamed
from support import ROOT, SHARED

from loki.providers import KNOWN, TYPES

README = (ROOT / "README.rst").read_text()
CONTRACT = SHARED / "docs" / "contract.md"

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
CSV = "id,lang,text\n1,French,good day\n2,German,good night\n"
LINES = "the brakes squeak\nthe tyres are new\n"

#: What lies in the folder in which everything is typed.
FILES: dict[str, bytes] = {
    "report.txt": b"All is well.\n",
    "photo.jpg": b"\xff\xd8\xff\xe0" + bytes(16),
    "invoice.pdf": b"%PDF-1.4\n%%EOF\n",
    "mail.txt": b"I am in Rome.\n",
    "texts.csv": CSV.encode(),
    "diary.txt": LINES.encode(),
    "letters.txt": b"no news\n",
    "messages.json": b'[{"role": "user", "content": "Hi"}]',
    "tools.json": b'[{"type": "function", "function": {"name": "now", "parameters":'
    b' {"type": "object", "properties": {}}}}]',
    "schema.json": b'{"type": "object", "properties": {"city": {"type": "string"}}}',
    "prompt.md": b"Translate to {{ language }}: {{ input }}",
    "FILE": b"Be brief.\n",
}

#: Programs that stand in for those of a machine with a journal and a mail system.
STANDINS = {
    "journalctl": "echo 'disk is full'",
    "mail": "cat > mailed.txt",
}


def answer(asked: Asked) -> Script:
    """Answer as the providers of the examples do."""
    path = asked.line.split()[1]
    if path.endswith("/embeddings"):
        return embedding.answer(asked)
    if path.endswith("/rerank"):
        places = range(len(asked.json["documents"]))
        return plain({"results": [{"index": i, "relevance_score": 1 / (i + 1)} for i in places]})
    if path.endswith("/models"):
        return plain({"data": [{"id": "gpt-4.1", "object": "model"}]})
    text = '{"city": "Rome"}' if "response_format" in asked.json else "Hello."
    if asked.json.get("stream"):
        return streamed(delta(text), delta(None, "stop"), COUNTED, DONE)
    return plain(reply(text))


@pytest.fixture
def server() -> Iterator[Server]:
    """Return the server of all providers."""
    with serving(answer) as it:
        yield it


@pytest.fixture
def shell(home: Home, server: Server) -> Callable[..., Done]:
    """Return a shell in a folder with the files and keys that the examples speak of."""
    work, bin_ = home.folder / "work", home.folder / "bin"
    for folder in (work, bin_):
        folder.mkdir()
    for name, data in FILES.items():
        (work / name).write_bytes(data)
    for name, line in STANDINS.items():
        (bin_ / name).write_text(f"#!/bin/sh\n{line}\n")
        (bin_ / name).chmod(0o755)
    for name in ("openai", "groq", "cohere"):
        home.environ |= {f"{name.upper()}_API_KEY": f"sk-{name}-0123456789"}
        version = "v2" if name == "cohere" else "v1"
        home.environ |= {f"{name.upper()}_API_BASE": f"{server.address}/{version}"}
    home.environ |= {"PATH": f"{bin_}:{BIN}:{os.environ['PATH']}", "PAGER": "cat"}
    subprocess.run(["git", "init", "-q", str(work)], check=True, timeout=60)

    def run(line: str, stdin: str = "") -> Done:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            env=home.variables(),
            cwd=work,
            input=stdin.encode(),
            capture_output=True,
            timeout=120,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


# ---- README --------------------------------------------------------------------------------------

#: The begin of each line in the README's blocks of shell, and what it prints.
TYPED: dict[str, str] = {
    "export OPENAI_API_KEY=": "",
    "loki --init": "config.yaml",
    "cat report.txt | loki-pipe": "Hello.\n",
    "git diff --cached | loki-pipe": "",  # nothing is staged
    "loki-pipe -m openai -f photo.jpg": "Hello.\n",
    "loki-pipe -m openai --schema": '"Rome"\n',
    "journalctl -q": "",  # in the mail
    "loki-batch -m openai:gpt-4.1-mini --csv": "",
    "loki-embed -m openai:text-embedding-3-small --into notes": "",
    "loki-search notes": "Hello.\n",
    "loki-cost --since 7d": "gpt-4.1",
}


def readme_lines() -> list[str]:
    """Return the lines of the README's shell examples; of a line of cron, what cron runs."""
    lines = [line for block in blocks(README, "sh") for line in block.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    return [re.sub(r"^0 3 \* \* \* +", "", line) for line in lines]


def test_every_line_of_the_readme_is_typed_here() -> None:
    missing = [line for line in readme_lines() if not line.startswith(tuple(TYPED))]
    assert not missing and len(readme_lines()) >= len(TYPED)


def test_the_readme_typed_from_top_to_bottom(home: Home, shell: Callable[..., Done]) -> None:
    pytest.importorskip("lance")
    home.environ["LOKI_MODEL"] = "openai:gpt-4.1"  # for cron, as the README says
    for line in readme_lines():
        done = shell(line.replace("OPENAI_API_KEY=…", "OPENAI_API_KEY=sk-test"))
        start = next(start for start in TYPED if line.startswith(start))
        assert done.code == 0, f"{line}: {done.err}"
        assert TYPED[start] in done.out, f"{line}: {done.out}"
    work = home.folder / "work"
    assert (work / "mailed.txt").read_text() == "Hello.\n"
    rows = [json.loads(row) for row in (work / "texts.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == ["Hello.", "Hello."]


def test_the_configuration_of_the_readme_is_one_that_works(
    home: Home, shell: Callable[..., Done]
) -> None:
    (example,) = blocks(README, "yaml")
    home.configure(example)
    assert shell("loki --check").code == 0
    models = {"openai:gpt-4.1": "", "groq:openai/gpt-oss-120b": "flex", "local:smollm2": ""}
    for model, tier in models.items():
        body = shell(f"loki-pipe -m {model} --dry-run Hi").json["body"]
        assert body.get("service_tier", "") == tier and body["model"] == model.partition(":")[2]


# ---- the original's configuration ----------------------------------------------------------------

KEYS = SHARED / "upstream" / "keys.md"

#: What a client of the original's example must say beside its name.
SETTINGS = {
    "azure-openai": "api_base: https://r.openai.azure.com",
    "bedrock": "region: us-east-1",
    "vertexai": "project_id: p",
    "openai-compatible": "api_base: https://a.example/v1",
    "ai12": "api_base: https://a.example/v1",
    "databricks": "api_base: https://w.example",
    "cloudflare": "api_base: https://api.cloudflare.com/client/v4/accounts/a/ai/v1",
}


@pytest.mark.skipif(not KEYS.exists(), reason="no list of the original's names in ../shared")
def test_a_client_of_every_name_in_the_original_s_example_drafts(
    home: Home, shell: Callable[..., Done]
) -> None:
    listed = KEYS.read_text().partition("Names of known providers in its example: ")[2]
    example = re.findall(r"[a-z][a-z0-9-]*[a-z0-9]", listed.partition(", and the others")[0])
    assert {"ollama", "ai12", *TYPES} <= {*example}
    clients, names = "clients:\n", [*dict.fromkeys([*example, *KNOWN, "groq-work"])]
    for name in names:
        type_ = name if name in TYPES else "openai-compatible"
        more = f"  {SETTINGS[name]}\n" if name in SETTINGS else ""
        clients += f"- type: {type_}\n  name: {name}\n  access_token: t\n{more}"
    home.configure(clients)
    for name in ("openai", "groq", "cohere"):  # at home, for once
        del home.environ[f"{name.upper()}_API_BASE"]
    assert shell("loki --check").code == 0
    hosts = set()
    for name in names:
        done = home.call("-m", f"{name}:some-model", "--dry-run", "Hi")
        assert done.code == 0, f"{name}: {done.err}"
        hosts.add(done.json["url"].split("/")[2])
    assert len(hosts) > 40


# ---- the contract --------------------------------------------------------------------------------

needs_contract = pytest.mark.skipif(not CONTRACT.exists(), reason="no contract in ../shared")

#: A line of the contract, its stdin, its exit code and what it prints; typed from top to bottom.
LINES_OF_CONTRACT: list[tuple[str, str, int, str]] = [
    ("loki --info", "", 0, "version"),
    ("loki --info | grep config_file | awk '{print $2}'", "", 0, "config.yaml\n"),
    ("loki --clear-cache", "", 0, ""),
    ("git diff | loki-pipe --if-input …", "", 0, ""),
    ("loki-embed --into STORE", LINES, 0, ""),
    ("loki-search STORE QUERY", "", 0, "the brakes squeak\n"),
    (
        'loki-search notes "how do I …" --top 50 | loki-rerank "how do I …" --top 5'
        ' | loki-pipe "Answer from these notes: how do I …"',
        "",
        0,
        "Hello.\n",
    ),
]

TASKS = ("chat", "embedding", "reranker")

#: What is no line to type: names of commands, their synopses, and parts of other things.
SYNOPSES = re.compile(r"loki(-\w+)?( \[.*| QUERY)?|loki/<version>|loki-pipe: KIND: message")


def code_of(contract: str) -> list[str]:
    """Return what the contract shows as code and begins with a command, or leads to one."""
    return [code for code in re.findall(r"`([^`\n]+)`", contract) if re.search(r"\bloki\b", code)]


@needs_contract
def test_every_line_of_the_contract_is_typed_here() -> None:
    known = {line for line, *_ in LINES_OF_CONTRACT} | {"#!/usr/bin/env -S loki-pipe -T"}
    starts = ("loki", "git", "#!")
    lines = [code for code in code_of(CONTRACT.read_text()) if code.startswith(starts)]
    assert len(lines) > 20
    assert not [line for line in lines if line not in known and not SYNOPSES.fullmatch(line)]
    assert known <= {*lines}


def test_the_lines_of_the_contract_typed_as_they_stand(
    home: Home, shell: Callable[..., Done]
) -> None:
    pytest.importorskip("lance")
    models = "".join(f"\n  - {{name: {kind}, type: {kind}}}" for kind in TASKS)
    home.configure(
        f"model: all\nclients:\n- type: openai-compatible\n  name: all\n  models:{models}\n"
    )
    home.environ["ALL_API_BASE"] = home.environ["OPENAI_API_BASE"]
    assert shell("loki-embed --into notes -f diary.txt").code == 0
    for line, stdin, code, out in LINES_OF_CONTRACT:
        done = shell(line, stdin)
        assert (done.code, out in done.out) == (code, True), f"{line}: {done.out}{done.err}"


#: A line for every flag of the contract's table, in one place or another: its code, what it prints.
FLAGS: list[tuple[str, int, str]] = [
    ("loki-pipe -m openai:gpt-4.1 Hi", 0, "Hello.\n"),
    ("loki-pipe --model openai Hi", 0, "Hello.\n"),
    ("loki-pipe --fallback groq:openai/gpt-oss-120b Hi", 0, "Hello.\n"),
    ("loki-pipe -s 'Be brief.' --dry-run Hi", 0, '"Be brief."'),
    ("loki-pipe --system 'Be brief.' --dry-run Hi", 0, '"Be brief."'),
    ("loki-pipe --prompt 'Be brief.' --dry-run Hi", 0, '"Be brief."'),
    ("loki-pipe --system-file FILE --dry-run Hi", 0, "Be brief."),
    ("loki-pipe --messages messages.json", 0, "Hello.\n"),
    ("loki-pipe -C talk.jsonl Hi", 0, "Hello.\n"),
    ("loki-pipe --conversation talk.jsonl Ho", 0, "Hello.\n"),
    ("loki-pipe -T prompt.md --set language=French Hi", 0, "Hello.\n"),
    ("loki-pipe --template prompt.md Hi", 65, ""),  # language is undefined
    ("loki-pipe --tools tools.json --run-tools --max-steps 2 Hi", 64, ""),  # it has no command
    ("loki-pipe --search --dry-run Hi", 0, "web_search"),
    ("loki-pipe --cache -n Hi", 0, "Hello.\n"),
    ("loki-pipe --cache=1h -n Hi", 0, "Hello.\n"),
    ("loki-pipe -f photo.jpg -f invoice.pdf 'Do they match?'", 0, "Hello.\n"),
    ("loki-pipe --file report.txt --dry-run Hi", 0, "All is well."),
    ("loki-pipe -S Hi", 0, "Hello.\n"),
    ("loki-pipe --no-stream Hi", 0, "Hello.\n"),
    ("loki-pipe -c Hi", 65, ""),  # the answer has no code
    ("loki-pipe --code Hi", 65, ""),
    ("loki-pipe -o text Hi", 0, "Hello.\n"),
    ("loki-pipe -o json Hi", 0, '"finish":"stop"'),
    ("loki-pipe -o events Hi", 0, '"type":"done"'),
    ("loki-pipe --output raw Hi", 0, "data: [DONE]"),
    ("loki-pipe -t 0.5 --top-p 0.5 --max-tokens 9 --stop a --stop b --seed 1 Hi", 0, "Hello.\n"),
    ("loki-pipe --temperature 0.5 --dry-run Hi", 0, '"temperature": 0.5'),
    *((f"loki-pipe -m openai:gpt-6-sol --reasoning {effort} --dry-run Hi", code, out)
      for effort, code, out in [
          ("none", 0, '"none"'), ("minimal", 0, '"low"'), ("low", 0, '"low"'),
          ("medium", 0, '"medium"'), ("high", 0, '"high"'), ("xhigh", 0, '"xhigh"'),
          ("max", 0, '"max"'), ("2048", 64, "")]),
    ("loki-pipe --show-reasoning Hi", 0, "Hello.\n"),
    ("loki-pipe --schema schema.json Hi", 0, '{"city": "Rome"}\n'),
    ("loki-pipe --schema '{\"type\": \"object\"}' Hi", 0, '{"city": "Rome"}\n'),
    *((f"loki-pipe --tools tools.json --tool-choice {choice} Hi", 0, "Hello.\n")
      for choice in ("auto", "none", "required", "now")),
    ("loki-pipe --tools tools.json --tool-choice nwo Hi", 64, ""),
    ("loki-pipe --param service_tier=flex --param metadata.a=1 --dry-run Hi", 0, '"flex"'),
    ("loki-pipe --patch '{\"body\": {\"user\": \"me\"}}' --dry-run Hi", 0, '"user": "me"'),
    ("loki-pipe --timeout 60 --connect-timeout 9 --idle-timeout 9 --retries 0 --max-wait 1 Hi",
     0, "Hello.\n"),
    ("loki-pipe --proxy - Hi", 0, "Hello.\n"),
    ("loki-pipe --max-cost 5 Hi", 0, "Hello.\n"),
    ("loki-pipe --max-cost 0.0000001 Hi", 80, ""),
    ("loki-pipe --fail-on length --fail-on filter --fail-on tools Hi", 0, "Hello.\n"),
    ("loki-pipe --tag nightly Hi", 0, "Hello.\n"),
    ("loki-pipe --no-ledger Hi", 0, "Hello.\n"),
    ("loki-pipe --dry-run Hi", 0, 'Bearer ***'),
    ("loki-pipe --dry-run=json Hi", 0, '"url"'),
    ("loki-pipe --dry-run=curl Hi", 0, "curl "),
    ("loki-pipe --explain -q Hi", 0, "Hello.\n"),
    ("loki-pipe --config nowhere.yaml Hi", 78, ""),
    ("loki-pipe -v Hi", 0, "Hello.\n"),
    ("loki-pipe -n", 64, ""),
    ("loki-pipe --no-stdin Hi", 0, "Hello.\n"),
    ("loki --info", 0, "config_file"),
    ("loki --list-models", 0, "openai:gpt-4.1"),
    ("loki --list-models gpt-4.1 --live", 0, "gpt-4.1"),
    ("loki --authenticate openai", 78, ""),  # it uses no OAuth
    ("loki --add-secret NAME", 0, ""),
    ("loki --list-secrets", 0, "NAME\n"),
    ("loki --get-secret NAME", 0, "value"),
    ("loki --update-secret NAME", 0, ""),
    ("loki --delete-secret NAME", 0, ""),
    ("loki --init", 78, ""),  # never over one that is there
    ("loki --check", 0, ""),
    ("loki --check=online", 0, ""),
    *((f"loki --completions {name}", 0, "loki") for name in ("bash", "zsh", "fish")),
    ("loki --man", 0, "SYNOPSIS"),
    ("loki --man loki-config", 0, "SYNOPSIS"),
    ("loki --clear-cache", 0, ""),
    ("loki-cost --since 7d --by model", 0, "openai"),
    ("loki-cost --since yesterday --by day --by client -o json", 0, ""),
    ("loki-cost --since 2026-11-01 --until 2026-11-02 --by tag -o csv", 0, ""),
    ("loki-cost -o table --chart", 0, ""),
]  # fmt: skip


@needs_contract
def test_every_flag_of_the_contract_is_typed_here() -> None:
    text = CONTRACT.read_text()
    table = text.partition("### Flags of `loki-pipe`")[2].partition("`loki-embed`:")[0]
    firsts = [re.split(r"(?<!\\)\|", row)[1] for row in table.splitlines() if row.startswith("| `")]
    own = text.partition("House-keeping")[2].partition("The prompt is")[0]
    cost = text.partition("`loki-cost`: ")[2].partition("## 2.")[0]
    named = re.findall(r"(?<![\w-])--?[a-z][a-z-]*", " ".join([*firsts, own, cost]))
    typed = {word.partition("=")[0] for line, *_ in FLAGS for word in line.split()}
    assert len({*named}) > 60 and not {*named} - typed


def test_every_flag_typed_as_it_stands(
    home: Home, shell: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.configure(
        "model: openai:gpt-4.1\nvault_password_file: ~/password\n"
        "clients:\n- type: openai\n- type: openai-compatible\n  name: groq\n"
    )
    (home.folder / "password").write_text("correct horse\n")
    (home.folder / "password").chmod(0o600)
    monkeypatch.chdir(home.folder / "work")
    failed = []
    for line, code, out in FLAGS:
        prog, *words = shlex.split(line)
        done = home.call(*words, stdin="value" if "secret" in line else "", prog=prog)
        if (done.code, out in done.out) != (code, True):
            failed.append(f"{line}: {done.code} {done.out[:200]}{done.err[:200]}")
    assert not failed, "\n".join(failed)
