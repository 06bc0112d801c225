"""Run ``python -m loki`` as the command ``loki``."""

from loki.cli.main import run

if __name__ == "__main__":
    run("loki")
