"""Three commands on a note, answered by a real model: its server starts, answers and stops.

The model is small (135M parameters), so it is asked what it can do well: to find in a short note
what stands there. LOKI_DEMO_MODEL names the file of a larger one (GGUF), if there is one here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent

NOTE = """\
The meeting with Anna is on Friday at 10 o'clock in Paris.
Bring the contract.
"""
SCHEMA = """\
{"type": "object",
 "properties": {"name": {"type": "string", "pattern": "^[A-Z][a-z]+$"},
                "day": {"enum": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]},
                "city": {"type": "string", "pattern": "^[A-Z][a-z]+$"}},
 "required": ["name", "day", "city"],
 "additionalProperties": false}
"""
CONFIG = """\
model: local:{name}
temperature: 0
clients:
  - type: openai-compatible
    name: local
    api_base: {address}/v1
    models:
      - name: {name}
        max_input_tokens: 8192
        input_price: 0
        output_price: 0
        patch:
          body:
            cache_prompt: false  # so that an answer is the same each time
"""
#: What is typed, and what it shows.
COMMANDS = {
    "A question; -v adds tokens, cost and time on stderr.": (
        'cat note.txt | loki-pipe -v "On which day is the meeting?"'
    ),
    "A JSON Schema (schema.json) makes it extract, and the answer is checked.": (
        'loki-pipe --schema schema.json "Name of the person, day and city of the meeting, as JSON."'
        " < note.txt"
    ),
    "A mistake has one line, and an exit code for scripts.": (
        'loki-pipe -m lokal "Hi" < /dev/null; echo "exit code $?"'
    ),
}


@contextmanager
def model(script: str = "model_server.py", *words: str) -> Iterator[str]:
    """Yield the address of a model server that runs as long as this block."""
    command = [sys.executable, str(HERE / script), *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            if not address:
                sys.exit("demo: the model server did not start")
            yield address
        finally:
            server.terminate()
            server.wait(10)


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def prepare(folder: Path, address: str, name: str) -> dict[str, str]:
    """Write the configuration, the note and the schema; return the variables of the commands."""
    (folder / "config.yaml").write_text(CONFIG.format(address=address, name=name))
    (folder / "note.txt").write_text(NOTE)
    (folder / "schema.json").write_text(SCHEMA)
    folders = {f"LOKI_{kind}_DIR": str(folder) for kind in ("CONFIG", "CACHE", "STATE")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, **folders, "PATH": path}


def run(command: str, environ: dict[str, str], folder: Path) -> bool:
    """Print a command as it is typed, run it, and return whether it went well."""
    say(f"$ {command}")
    done = subprocess.run(command, shell=True, cwd=folder, env=environ).returncode == 0
    say("")
    return done


def main() -> int:
    """Start, ask, stop; return the exit code."""
    weights = os.environ.get("LOKI_DEMO_MODEL", "")
    if weights and not Path(weights).is_file():
        sys.exit(f"demo: LOKI_DEMO_MODEL={weights}: there is no such file")
    name = Path(weights).stem.replace(":", "-") if weights else "smollm2"
    begun = time.monotonic()
    say(f"Loading the model {name}; it runs here, without a key …")
    with (
        model("model_server.py", *(["--weights", weights] if weights else [])) as address,
        tempfile.TemporaryDirectory() as folder,
    ):
        say(f"… ready after {time.monotonic() - begun:.1f} s. The note is:\n\n{NOTE}")
        environ = prepare(Path(folder), address, name)
        results = []
        for caption, command in COMMANDS.items():
            say(f"# {caption}")
            results.append(run(command, environ, Path(folder)))
    say("Next: pip install . (or pipx install .), then loki --init, and loki --man.")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
