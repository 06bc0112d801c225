"""The stages, in pipeline order; each is a function to take apart and put together anew."""

from loki.stages.resolve import resolve  # isort: skip
from loki.stages.draft import draft  # isort: skip
from loki.stages.patch import patch  # isort: skip
from loki.stages.build import build  # isort: skip
from loki.stages.parse import collect, read_stream, parse  # isort: skip
from loki.stages.account import account  # isort: skip

__all__ = ["account", "build", "collect", "draft", "read_stream", "parse", "patch", "resolve"]
