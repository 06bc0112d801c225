"""Speed as ratios: ours and a yardstick in turn, in one run, against a server that answers at once.

`make bench` prints a table; times differ from machine to machine, ratios hardly. Each figure is
the median over pairs. The yardsticks are those of the field: a three-line requests script, the
interpreter itself, OpenAI's own package, strictyaml.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

BIN = Path(sys.executable).parent
CHUNKS = 20_000

SCRIPT = """\
import requests
r = requests.post("{url}/chat/completions", json={{"model": "m", "messages": [{{"role": "user", "content": "Hi"}}]}})
print(r.json()["choices"][0]["message"]["content"])
"""  # noqa: E501

CLIENT = """\
  - type: openai-compatible
    name: {name}
    api_base: {url}
    models:
      - name: m
      - name: long
"""


def frame(delta: object, finish: str | None = None) -> bytes:
    """Return an event of a chat stream as an HTTP chunk."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    event = {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
    data = b"data: " + json.dumps(event).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


def stream_of(count: int) -> bytes:
    """Return a whole streamed body of so many text events."""
    words = b"".join(frame({"content": f"word{i} "}) for i in range(count))
    return words + frame({}, "stop") + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


STREAMS = {"m": stream_of(3), "long": stream_of(CHUNKS)}
MESSAGE = {"role": "assistant", "content": "Hello."}
WHOLE = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "model": "m",
        "created": 1,
        "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    }
).encode()


def head(kind: str, more: str) -> bytes:
    """Return the head of a response."""
    return f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{more}\r\n\r\n".encode()


ANSWERS = {
    model: head("text/event-stream", "transfer-encoding: chunked") + body
    for model, body in STREAMS.items()
}
ANSWER = head("application/json", f"content-length: {len(WHOLE)}") + WHOLE


def talk(connection: socket.socket) -> None:
    """Answer every chat on a connection at once, in one piece."""
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return
            data += piece
        lines, _, body = data.partition(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in lines.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        while len(body) < length:
            body += connection.recv(65536)
        asked, data = json.loads(body[:length]), body[length:]
        connection.sendall(ANSWERS[asked["model"]] if asked.get("stream") else ANSWER)


def serve() -> None:
    """Run the server: a process of its own, so that its CPU time counts for nobody."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=talk, args=(connection,), daemon=True).start()


@contextmanager
def serving() -> Iterator[str]:
    """Run the server for the length of a block, and yield its URL."""
    command = [sys.executable, __file__, "serve"]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.kill()


def wall(*command: str) -> Callable[[], float]:
    """Return a function that runs a command and returns its seconds from start to exit."""

    def run() -> float:
        started = time.perf_counter()
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - started

    return run


def command_cpu(*command: str) -> Callable[[], float]:
    """Return a function that runs a command and returns its seconds of CPU, start-up included.

    On a machine with other work they differ less than the seconds from start to exit.
    """
    return lambda: measure(wall(*command))[1]


def cpu(work: Callable[[], object]) -> Callable[[], float]:
    """Return a function that calls ``work`` and returns its seconds of CPU in this process."""

    def run() -> float:
        started = time.process_time()
        work()
        return time.process_time() - started

    return run


def ratio(ours: Callable[[], float], theirs: Callable[[], float], pairs: int) -> tuple[float, ...]:
    """Return medians of both and of their ratio, run in turn after a warm-up of each."""
    ours(), theirs()
    runs = [(ours(), theirs()) for _ in range(pairs)]
    a, b = (statistics.median(times) for times in zip(*runs, strict=True))
    return a, b, statistics.median(x / y for x, y in runs)


def rows(url: str, folder: Path) -> Iterator[tuple[str, float, tuple[float, ...]]]:
    """Yield what is measured, the ratio to hold, and the result of ``ratio``."""
    from openai import OpenAI

    from loki import Ask, Message, answer, open_env, stream

    (folder / "three.py").write_text(SCRIPT.format(url=url))
    clients = "".join(CLIENT.format(name=f"local{i or ''}", url=url) for i in range(25))
    text = f"model: local:m\nclients:\n{clients}"
    (folder / "config.yaml").write_text(text)
    python, pipe = str(BIN / "python"), str(BIN / "loki-pipe")
    script = wall(python, str(folder / "three.py"))
    yield "one call, against three lines of requests", 1.15, ratio(wall(pipe, "Hi"), script, 25)
    script_cpu = command_cpu(python, str(folder / "three.py"))
    yield "the same, CPU", 1.15, ratio(command_cpu(pipe, "Hi"), script_cpu, 25)
    key = folder / "key.yaml"
    key.write_text(text.replace("    models:", "    api_key: sk-literal\n    models:"))
    keyed = command_cpu(pipe, "--config", str(key), "Hi")
    yield "the same, literal keys, CPU", 1.15, ratio(keyed, script_cpu, 25)
    nothing = wall(python, "-c", "pass")
    yield "--version, against python -c pass", 2.0, ratio(wall(pipe, "--version"), nothing, 25)
    yield "--help, against python -c pass", 2.0, ratio(wall(pipe, "--help"), nothing, 25)

    env = open_env(str(folder / "config.yaml")).unwrap()
    sdk = OpenAI(base_url=url, api_key="k")
    asked = {name: Ask((Message("user", "Hi"),), model=f"local:{name}") for name in ("m", "long")}

    def theirs(model: str, streamed: bool) -> Callable[[], object]:
        create = sdk.chat.completions.create
        return lambda: list(
            create(model=model, messages=[{"role": "user", "content": "Hi"}], stream=streamed)
        )

    def many(work: Callable[[], object]) -> Callable[[], object]:
        return lambda: [work() for _ in range(50)]

    one = many(lambda: answer(env, asked["m"]).unwrap())
    yield (
        "50 answers, CPU, against OpenAI's package",
        0.5,
        ratio(cpu(one), cpu(many(theirs("m", False))), 5),
    )
    long = cpu(lambda: list(stream(env, asked["long"]).unwrap()))
    yield (
        f"{CHUNKS:,} chunks, CPU, against the same",
        0.07,
        ratio(long, cpu(theirs("long", True)), 3),
    )

    yield from one_shot_rows(folder)
    yield from bulk_rows(folder)
    yield from cluster_rows(folder)
    yield from safe_rows(folder)

    import strictyaml

    from loki.edge.config_cache import read_config

    environ = {"LOKI_CACHE_DIR": str(folder)}
    warm = cpu(lambda: read_config(str(folder / "config.yaml"), environ).unwrap())
    cold = cpu(lambda: strictyaml.dirty_load(text, allow_flow_style=True))
    yield "25 clients, warm, against strictyaml", 0.01, ratio(warm, cold, 5)


def one_shot_rows(folder: Path) -> Iterator[tuple[str, float, tuple[float, ...]]]:
    """Measure a thousand calls, each a process: the last ones against the first, and the log."""
    call, script = (
        command_cpu(str(BIN / "loki-pipe"), "Hi"),
        command_cpu(str(BIN / "python"), str(folder / "three.py")),
    )
    for log in folder.glob("ledger.db*"):
        log.unlink()
    times, largest = [], 0
    for _ in range(1000):
        times.append((call(), script()))  # the script tells how busy the machine is
        largest = max(largest, (folder / "ledger.db-wal").stat().st_size)
    first, last = times[:50], times[-50:]
    a, b = (statistics.median(x for x, _ in each) for each in (last, first))
    c, d = (statistics.median(x / y for x, y in each) for each in (last, first))
    yield "one-shot calls 951-1,000, CPU, against 1-50", 1.05, (a, b, c / d)
    yield "their largest log, s for MB, against 2 MB", 1.0, (largest / 1e6, 2.0, largest / 2e6)


LATENCY = 0.2  # seconds
SDK = """\
import asyncio, sys
from openai import AsyncOpenAI
async def main():
    gate = asyncio.Semaphore(int(sys.argv[3]))
    client = AsyncOpenAI(base_url=sys.argv[1], api_key="k", max_retries=0)
    async def one(line):
        async with gate:
            await client.chat.completions.create(model="m", messages=[{"role": "user", "content": line}])
    await asyncio.gather(*map(one, open(sys.argv[2])))
asyncio.run(main())
"""  # noqa: E501


def bulk_rows(folder: Path) -> Iterator[tuple[str, float, tuple[float, ...]]]:
    """Measure many rows: seconds against the ideal, and CPU against OpenAI's package.

    The ideal is one latency for each round: 40 rounds for 10,000 rows with 256 in flight.
    """
    command = [sys.executable, str(Path(__file__).with_name("bulk_server.py"))]
    with subprocess.Popen([*command, "--latency", str(LATENCY)], stdout=-1, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        client = CLIENT.format(name="bulk", url=url)
        (folder / "bulk.yaml").write_text(f"clients:\n{client}")
        (folder / "sdk.py").write_text(SDK)
        for in_flight, lines, hold in ((64, 10_000, 0.97), (256, 10_000, 0.96)):
            took, ours = measure(batch(folder, in_flight, lines))
            ideal = LATENCY * -(-lines // in_flight)
            what = f"{lines:,} rows, {in_flight} in flight, against"
            yield f"{what} the ideal", round(1 / hold, 3), (took, ideal, took / ideal)
            rows = str(folder / "in")
            sdk = wall(str(BIN / "python"), str(folder / "sdk.py"), url, rows, str(in_flight))
            _, theirs = measure(sdk)
            yield "the same, CPU, against AsyncOpenAI", 0.3, (ours, theirs, ours / theirs)
        server.kill()


def cluster_rows(folder: Path) -> Iterator[tuple[str, float, tuple[float, ...]]]:
    """Two workers of a Dask cluster: against one process at no latency, against the ideal at some.

    Rows are many enough for the start of a run, a second, to count for little.
    """
    from cluster import cluster

    for latency, in_flight, lines in ((0.0, 64, 20_000), (LATENCY, 256, 20_000)):
        command = [sys.executable, str(Path(__file__).with_name("bulk_server.py"))]
        with subprocess.Popen(
            [*command, "--latency", str(latency)], stdout=-1, text=True
        ) as server:
            assert server.stdout is not None
            client = CLIENT.format(name="bulk", url=server.stdout.readline().strip())
            (folder / "bulk.yaml").write_text(f"clients:\n{client}")
            environ = {**os.environ, "LOKI_CONFIG_FILE": str(folder / "bulk.yaml")}
            what = f"{lines:,} rows, 2 Dask workers, against"
            with cluster(2, environ) as address:
                time.sleep(4)  # seconds until the workers have joined
                spread = batch(folder, in_flight, lines, "--scheduler", address)
                if latency:
                    took, ideal = spread(), latency * -(-lines // in_flight)
                    yield f"{what} the ideal", round(1 / 0.75, 3), (took, ideal, took / ideal)
                else:
                    found = ratio(spread, batch(folder, in_flight, lines), 3)
                    yield f"{what} one process", round(1 / 1.4, 3), found
            server.kill()


def safe_rows(folder: Path) -> Iterator[tuple[str, float, tuple[float, ...]]]:
    """Measure many answers over https, with a test certificate: seconds against the ideal.

    In this process: with so few rows the start of a command would dominate.
    """
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
    from certificates import certificates

    from loki import Ask, Message, answer, open_env

    files = certificates()
    command = [sys.executable, str(Path(__file__).with_name("bulk_server.py"))]
    tls = ["--certificate", f"{files.folder}/server.pem", "--key", f"{files.folder}/server.key"]
    words = [*command, "--latency", str(LATENCY), *tls]
    with subprocess.Popen(words, stdout=-1, text=True) as server:
        assert server.stdout is not None
        client = CLIENT.format(name="bulk", url=server.stdout.readline().strip())
        bundle = f"    extra:\n      ca_bundle: {files.authority}\n"
        (folder / "bulk.yaml").write_text(f"clients:\n{client}{bundle}")
        lines, in_flight = 640, 64
        env = open_env(str(folder / "bulk.yaml")).unwrap()
        ask = Ask((Message("user", "Hi"),), model="bulk:m")
        ideal = LATENCY * lines / in_flight
        began = time.perf_counter()
        with ThreadPoolExecutor(in_flight) as pool:
            for result in pool.map(lambda _: answer(env, ask), range(lines)):
                result.unwrap()
        took = time.perf_counter() - began
        yield "640 rows, 64 in flight, https, against the ideal", 1.111, (took, ideal, took / ideal)
        server.kill()


def batch(folder: Path, in_flight: int, lines: int, *more: str) -> Callable[[], float]:
    """Return a function that runs loki-batch over so many lines and returns its seconds."""
    (folder / "in").write_text("".join(f"say {i}\n" for i in range(lines)))
    words = ["--config", str(folder / "bulk.yaml"), "-m", "bulk:m", "--lines", "-q"]
    return wall(str(BIN / "loki-batch"), *words, "-j", str(in_flight), *more, str(folder / "in"))


def measure(work: Callable[[], float]) -> tuple[float, float]:
    """Return the seconds that child processes take: wall, and CPU."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure everything and print the table."""
    if sys.argv[1:] == ["serve"]:
        serve()
        return
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print(f"{'what':<46}{'ours':>9}{'theirs':>9}{'ratio':>8}{'hold':>7}")
    with serving() as url, tempfile.TemporaryDirectory() as folder:
        os.environ |= {f"LOKI_{kind}_DIR": folder for kind in ("CONFIG", "CACHE", "STATE")}
        for what, hold, (ours, theirs, found) in rows(url, Path(folder)):
            times = f"{ours * 1000:>7.1f}ms{theirs * 1000:>7.1f}ms"
            print(f"{what:<46}{times}{found:>8.3f}{hold:>7}", flush=True)


if __name__ == "__main__":
    main()
