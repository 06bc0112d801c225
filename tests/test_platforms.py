"""Where Unix's own modules are missing, as on Windows, nothing fails as it is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest
from test_house import MODULES, module_name

#: What Windows lacks: modules, and names of others.
PROBE = """
import importlib, os, signal, sys
import botocore, cryptography, filelock, jinja2, multiprocessing, requests, rich, tenacity, urllib3
import subprocess, tempfile, asyncio, getpass, webbrowser, socketserver, concurrent.futures
import google.auth, oauthlib, requests_oauthlib, platformdirs, strictyaml, jsonschema, sqlite3
for name in ("fcntl", "grp", "pwd", "resource", "termios", "tty", "pty"):
    sys.modules[name] = None
for module, names in {
    os: ("geteuid", "getuid", "getgid", "getegid", "killpg", "fork", "O_NOFOLLOW", "O_NONBLOCK",
         "O_DIRECTORY", "O_CLOEXEC", "fchmod", "chown", "setsid", "getpgid", "WNOHANG", "mkfifo"),
    signal: ("SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1", "SIGCHLD", "SIGALRM", "pthread_sigmask",
             "setitimer", "ITIMER_REAL"),
}.items():
    for name in names:
        module.__dict__.pop(name, None)
for name in sys.argv[1:]:
    importlib.import_module(name)
"""
ALONE = ("loki.__main__", "loki.edge.render_child")  # which work where they are imported
OPTIONAL = ("loki.edge.retrieval", "loki.edge.batch.dask", "loki.cli.cost.image")


@pytest.mark.parametrize("part", ["cli", "edge", "batch"])
def test_every_module_is_imported_without_what_only_unix_has(part: str) -> None:
    names = [module_name(path) for path in MODULES]
    ours = [
        name
        for name in names
        if name.startswith(f"loki.{part}") and name not in ALONE and not name.startswith(OPTIONAL)
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *ours], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "") and ours
