"""README.rst through loki-pipe to a real model: the model server starts, answers and stops."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
QUESTION = "Summarise in one sentence"

CONFIG = """\
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
            repeat_penalty: 1.15  # so small a model likes to repeat itself
"""


@contextmanager
def model(script: str = "model_server.py") -> Iterator[str]:
    """Yield the address of a model server that runs as long as this block."""
    command = [sys.executable, str(HERE / script)]
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


def main() -> int:
    """Start, ask, stop."""
    with model() as address, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.yaml").write_text(CONFIG.format(address=address))
        environ = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "LOKI_CONFIG_DIR": folder,
            "LOKI_CACHE_DIR": folder,
        }
        words = "loki-pipe -m local:smollm2 -t 0 --max-tokens 60 -q -v"
        command = f"cat README.rst | {words} '{QUESTION}'"
        print(f"$ {command}", flush=True)
        return subprocess.run(command, shell=True, cwd=ROOT, env=environ).returncode


if __name__ == "__main__":
    sys.exit(main())
