"""What documents promise in their examples: blocks of code, and calls of commands in them."""

from __future__ import annotations

import re
import shlex


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of a language, without their indentation."""
    found = re.findall(rf"\.\. code-block:: {language}\n\n((?:    .*\n|\n)+)", text)
    return [re.sub("^    ", "", block, flags=re.MULTILINE) for block in found]


def commands(text: str) -> list[list[str]]:
    """Return every call of a command of ours in the shell examples, split into arguments."""
    lines = "\n".join(blocks(text, "sh")).splitlines()
    calls = [call for line in lines for call in re.split(r" \| |\) && |^", line) if "loki" in call]
    found = [re.search(r"(?:^|\s)(loki(?:-[a-z]+)?(?: .*|$))", call) for call in calls]
    bare = [re.sub(r" [<>] \S+", "", match[1]) for match in found if match]
    return [shlex.split(words, comments=True) for words in bare]


def terms(text: str) -> set[str]:
    """Return the names that a document explains: literals in a line before an indented one."""
    heads = re.findall(r"^(\S.*)\n    \S", text, re.MULTILINE)
    return {name for head in heads for name in re.findall(r"``([^`]+)``", head)}


def named_models(calls: list[list[str]]) -> list[str]:
    """Return the names of all models in some calls."""
    words = (word for call in calls for word in call)
    return sorted({word for word in words if re.fullmatch(r"[a-z]+:\S+", word)})
