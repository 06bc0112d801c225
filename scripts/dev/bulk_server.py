"""A fast model server for measuring and for tests: latency, rate limits, counts; one process.

python scripts/dev/bulk_server.py [--port N] [--latency S] [--limit N] [--fail-every N]

Prints its address, answers every POST like a chat completion, and tells at GET /count how
many POSTs it has seen and how many of them it refused.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
import time

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def whole(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    """An answer in one piece."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}{more}\r\n".encode() + body


class Bulk(asyncio.Protocol):
    """One connection."""

    seen = refused = 0
    ids: list[str] = []
    window = (0, 0)  # the second, and how many were taken in it

    def __init__(self, flags: argparse.Namespace) -> None:
        self.flags = flags
        self.data = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember whom to answer."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Take in what came, and answer whole requests."""
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.data[:end]).lower()
            start = head.find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n")[0]) if start >= 0 else 0
            if len(self.data) < end + 4 + length:
                return
            body = bytes(self.data[end + 4 : end + 4 + length])
            del self.data[: end + 4 + length]
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        """Answer one request, now or after the latency."""
        if head.startswith(b"get"):
            told = {"seen": Bulk.seen, "refused": Bulk.refused}
            self.transport.write(whole(json.dumps(told).encode()))
            return
        Bulk.seen += 1
        if self.is_too_much() or (self.flags.fail_every and Bulk.seen % self.flags.fail_every == 0):
            Bulk.refused += 1
            wait = f"retry-after: {self.flags.retry_after}\r\n" if self.flags.retry_after else ""
            status = "429 Too Many Requests" if self.flags.limit else "503 Unavailable"
            self.transport.write(whole(b'{"error": {"message": "Slow down."}}', status, wait))
            return
        if self.flags.latency:
            asyncio.get_running_loop().call_later(self.flags.latency, self.speak, body)
        else:
            self.speak(body)

    def is_too_much(self) -> bool:
        """Return whether more came in this second than the limit allows."""
        if not self.flags.limit:
            return False
        second, taken = Bulk.window
        now = int(time.monotonic())
        Bulk.window = (now, taken + 1 if now == second else 1)
        return bool(Bulk.window[1] > self.flags.limit)

    def speak(self, body: bytes) -> None:
        """Echo the last words."""
        messages = json.loads(body).get("messages") or [{"content": ""}]
        message = {"role": "assistant", "content": f"echo {messages[-1]['content']}"}
        told = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        self.transport.write(whole(json.dumps({**told, "usage": USAGE}).encode()))


async def serve(flags: argparse.Namespace) -> None:
    """Until it is stopped."""
    loop = asyncio.get_running_loop()
    tls = None
    if flags.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(flags.certificate, flags.key)
    server = await loop.create_server(
        lambda: Bulk(flags), "127.0.0.1", flags.port, backlog=1024, ssl=tls
    )
    scheme = "https" if tls else "http"
    sys.stdout.write(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--retry-after", type=float, default=0.0)
    parser.add_argument("--fail-every", type=int, default=0)
    parser.add_argument("--certificate", help="speak TLS, with this and --key")
    parser.add_argument("--key")
    asyncio.run(serve(parser.parse_args()))
