"""How long many rows take as batch jobs, and how much memory: jobs.py [ROWS] [CHARACTERS].

A server of OpenAI's kind on this machine takes the files and answers every row at once, so that
all the time is ours.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
MOST = 150  # mebibytes of memory


class Provider(BaseHTTPRequestHandler):
    """OpenAI's batch API, as far as it is needed."""

    protocol_version = "HTTP/1.1"
    ids: dict[str, list[bytes]] = {}

    def do_POST(self) -> None:
        """Take a file, or begin a job."""
        left, rest = int(self.headers["Content-Length"]), b""
        if self.path == "/files":
            name, found = f"file-{len(self.ids)}", list[bytes]()
            while left:
                piece = self.rfile.read(min(left, 2**20))
                left -= len(piece)
                *lines, rest = (rest + piece).split(b"\n")
                found += (m[1] for line in lines if (m := ID.search(line[:80])))
            self.ids[name] = found
            self.tell({"id": name})
            return
        self.tell(job(json.loads(self.rfile.read(left))["input_file_id"], "validating"))

    def do_GET(self) -> None:
        """Tell how a job stands, or give its results."""
        name = self.path.split("/")[2]
        if self.path.startswith("/batches/"):
            self.tell(job(name, "completed"))
            return
        rows = self.ids[name.removeprefix("out-")]
        body = ROW % (b"%s", b"x" * 200)
        self.send_response(200)
        self.send_header("Content-Length", str(sum(len(body) - 2 + len(id) for id in rows)))
        self.end_headers()
        for start in range(0, len(rows), 1000):
            self.wfile.write(b"".join(body % id for id in rows[start : start + 1000]))

    def tell(self, value: Any) -> None:
        """Answer with JSON."""
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


ID = re.compile(rb'"custom_id":"([^"]+)"')
ROW = b'{"custom_id":"%s","response":{"status_code":200,"body":' + (
    b'{"choices":[{"index":0,"message":{"content":"%s"},"finish_reason":"stop"}],"usage":'
    + json.dumps(USAGE).encode()
    + b"}},"
    + b'"error":null}\n'
)


def job(name: str, status: str) -> dict[str, Any]:
    """Return a job, whose name is that of its file."""
    out = f"out-{name}" if status == "completed" else None
    return {"id": name, "status": status, "output_file_id": out, "input_file_id": name}


def run(folder: Path, what: str, *words: str) -> None:
    """Run the command, and print its time and the most memory that a command has taken so far."""
    began = time.monotonic()
    done = subprocess.run(
        [str(BIN / "loki-batch"), "--config", str(folder / "config.yaml"), *words],
        env={"HOME": str(folder), "LOKI_LEDGER": str(folder / "ledger.db")},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{what:8} {time.monotonic() - began:6.1f} s  {peak:5.0f} MiB  exit {done.returncode}")
    print(*done.stderr.splitlines()[-2:], sep="\n")
    if peak > MOST:
        print(f"more than {MOST} MiB")


def main(rows: int = 60_000, characters: int = 2_000) -> None:
    """Submit and collect so many rows of so many characters."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.yaml").write_text(
            "clients:\n  - type: openai\n    api_key: k\n"
            f"    api_base: http://127.0.0.1:{server.server_address[1]}\n"
            "    models:\n      - name: m\n        input_price: 2\n        output_price: 8\n"
        )
        with open(folder / "in", "w") as file:
            for n in range(rows):
                file.write(json.dumps({"id": n, "prompt": f"{n} " + "word " * (characters // 5)}))
                file.write("\n")
        words = ("-m", "openai:m", "--batch-api", str(folder / "in"), "-o", str(folder / "out"))
        for what in ("submit", "collect", "again"):
            run(folder, what, *words)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
