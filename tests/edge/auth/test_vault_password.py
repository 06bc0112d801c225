"""The password of the vault comes from a file of its owner's, or through a pipe in time."""

from __future__ import annotations

import os

from commands import Home
from servers import ANSWER, serving


def test_a_password_may_come_through_a_pipe_within_the_time(home: Home) -> None:
    home.call("--add-secret", "MINE", stdin="sk-0123456789", prog="loki")
    password, pipe = home.folder / "vault_password", home.folder / "pipe"
    os.mkfifo(pipe, 0o600)
    with serving(ANSWER) as server:
        path = home.local(server.address, client="api_key: '{{MINE}}'")
        path.write_text(f"vault_password_file: {pipe}\n{path.read_text()}")
        with home.start("-n", "Hi") as process:
            pipe.write_bytes(password.read_bytes())
            _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert server.asked[0].headers["authorization"] == "Bearer sk-0123456789"
    done = home.run("--timeout", "0.3", "Hi")
    assert (done.code, done.out) == (69, "")
    assert f"its password file {pipe} did not end within the time for everything" in done.err
