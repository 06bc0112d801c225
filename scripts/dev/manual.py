"""Pages in reStructuredText, tables of the code -> the manual pages in loki/data/man, as roff.

The prose stands in scripts/dev/manual/*.rst. A comment such as ``.. insert: flags loki-pipe`` is
replaced by what the code knows, so that no flag and no setting of a model can lack its entry;
what is to be said of a flag beyond its help stands in manual/flags.rst, under its name.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from docutils.core import publish_string

from loki.cli.admin_flags import ADMINISTRATION
from loki.cli.commands import COMMANDS
from loki.config.setting_names import MODEL_SETTINGS
from loki.providers import KNOWN, PROVIDERS
from loki.version import __version__

SOURCES = Path(__file__).resolve().parent / "manual"
PAGES = Path(__file__).resolve().parents[2] / "loki" / "data" / "man"

DATE = "2026-11-26"  # of the last change that is worth a reader's second look

Row = tuple[str, dict[str, Any]]


def names() -> list[str]:
    """Return the names of the pages: ``loki-pipe.1`` and so on."""
    return sorted(path.stem for path in SOURCES.glob("*.[0-9].rst"))


def source(name: str) -> str:
    """Return the whole text of a page, with what the tables of the code put in."""
    text = (SOURCES / f"{name}.rst").read_text(encoding="utf-8")
    return re.sub(r"^\.\. insert: (\S+) ?(.*)$", insert, text, flags=re.MULTILINE)


def insert(match: re.Match[str]) -> str:
    """Return what stands for a comment that names a table."""
    return INSERTS[match[1]](match[2])


def page(name: str) -> str:
    """Return a page as roff."""
    title, _, section = name.rpartition(".")
    head = f":Manual section: {section}\n:Manual group: loki\n:Version: loki {__version__}\n"
    head += f":Date: {DATE}\n"
    text = source(name).replace(".. head\n", head, 1)
    options = {"report_level": 2, "halt_level": 2, "use_latex_citations": False}
    made = publish_string(text, writer="manpage", settings_overrides=options)
    roff = made.decode() if isinstance(made, bytes) else str(made)
    roff = re.sub(r"^(\.TH .*)$", r"\1\n.ad l\n.nh", roff, flags=re.MULTILINE)
    roff = re.sub(r"^\.SH .*$", lambda head: head[0].upper(), roff, flags=re.MULTILINE)
    roff = re.sub(r"^(\.S[HS] .*)\n\.sp\n", r"\1\n", roff, flags=re.MULTILINE)
    # whoever has another docutils makes the same page
    return re.sub(r"^\.\\\" by the Docutils .*\n", "", roff, flags=re.MULTILINE)


# ---- what the code knows -------------------------------------------------------------------------


def flags(prog: str) -> str:
    """Return the flags of a command, a heading for each group of its help."""
    groups = ADMINISTRATION if prog == "loki" else COMMANDS[prog].groups
    return "\n".join(
        f"{underlined(title.capitalize(), '-')}\n{''.join(flag_entry(row, prog) for row in rows)}"
        for title, rows in groups.items()
    )


def flag_entry(row: Row, prog: str) -> str:
    """Return the entry of a flag: its names and value, its help, and what more is to be said."""
    spelled, options = row
    help = f"{options['help'][:1].upper()}{options['help'][1:]}."
    more = details().get(f"{prog} {spelled.split()[-1]}") or details().get(spelled.split()[-1], "")
    choices = [word for word in options.get("choices", ()) if word not in help]
    known = (
        f" One of {listed_words(options['choices'])}." if choices and "metavar" in options else ""
    )
    return entry(flag_usage(spelled.split(), options), f"{escape(help)}{known}\n{more}")


def listed_words(choices: Any) -> str:
    """Return the words that a flag takes."""
    return ", ".join(f"``{choice}``" for choice in choices)


def flag_usage(spellings: list[str], options: dict[str, Any]) -> str:
    """Return a flag as it is typed.

    >>> flag_usage(["-m", "--model"], {"metavar": "CLIENT:MODEL"})
    '``-m``, ``--model CLIENT:MODEL``'
    >>> flag_usage(["--check"], {"metavar": "[=online]"})
    '``--check[=online]``'
    """
    value = options.get("metavar") or "|".join(options.get("choices", ()))
    value = "" if "store_true" in str(options.get("action", "")) else value
    value = f"[{value}]" if options.get("nargs") == "?" else value
    joint = "" if value.startswith("[=") or not value else " "
    return ", ".join(f"``{each}``" for each in spellings[:-1]) + (
        f"{', ' if spellings[:-1] else ''}``{spellings[-1]}{joint}{value}``"
    )


@lru_cache
def details() -> dict[str, str]:
    """Return what is to be said of flags beyond their help, by flag, or by command and flag."""
    text = (SOURCES / "flags.rst").read_text(encoding="utf-8")
    parts = re.split(r"^((?:loki[\w-]* )?--?[\w-]+)$", text, flags=re.MULTILINE)[1:]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return {flag: re.sub(r"^    ", "", said, flags=re.MULTILINE).strip() for flag, said in pairs}


def model_settings(_: str) -> str:
    """Return the settings of a model that a configuration may have, each with its help."""
    return "".join(
        entry(f"``{each.name}``", f"{KINDS.get(each.kind, words(each.kind))}: {model_help(each)}.")
        for each in MODEL_SETTINGS
        if each.configured
    )


def model_help(setting: Any) -> str:
    """Return the help of a setting of a model, with its unit."""
    unit = f" (in {setting.unit})" if setting.unit else ""
    return f"{setting.help}{unit}".replace("--reasoning", "``--reasoning``").replace("-m", "``-m``")


#: Kinds of values in the settings of a model.
KINDS = {
    "text": "Text",
    "count": "Whole number",
    "flag": "``true`` or ``false``",
    "price": "Number",
    "patch": "Patch",
    "effort": "Effort",
    "levels": "List of efforts",
}


def words(kind: str) -> str:
    """Return the words that a setting takes."""
    return " or ".join(f"``{word}``" for word in kind.split())


def client_types(_: str) -> str:
    """Return the client types: where each lives, and which variables of the provider it reads."""
    return "".join(
        entry(f"``{name}``", f"{place(provider)}{variables_of(provider)}")
        for name, provider in PROVIDERS.items()
    )


def place(provider: Any) -> str:
    """Return where a provider lives."""
    base = provider.api_base
    return f"At ``{base}``." if base else "At the ``api_base`` that you set, or a known name's."


def variables_of(provider: Any) -> str:
    """Return which variables of a provider's own programs are read."""
    pairs = [f"``{name}`` from {listed(found)}" for name, found in provider.variables.items()]
    return f" Also takes {', '.join(pairs)}." if pairs else ""


def listed(variables: Any) -> str:
    """Return names of variables, the first first."""
    return " or ".join(f"``{name}``" for name in variables)


def known_names(_: str) -> str:
    """Return the names that bring their own address."""
    return "".join(
        entry(f"``{name}``", f"``{known.api_base}``.{variables_of(known)}")
        for name, known in KNOWN.items()
    )


def snippet(name: str) -> str:
    """Return a part that several pages share."""
    return (SOURCES / f"{name}.rst").read_text(encoding="utf-8")


def example(name: str) -> str:
    """Return a file of scripts/examples as a block of code."""
    text = (SOURCES.parents[1] / "examples" / name).read_text(encoding="utf-8")
    return ".. code-block:: bash\n\n" + "".join(f"    {line}\n" for line in text.splitlines())


INSERTS: dict[str, Callable[[str], str]] = {
    "flags": flags,
    "model-settings": model_settings,
    "client-types": client_types,
    "known-names": known_names,
    "file": snippet,
    "example": example,
}


# ---- reStructuredText ----------------------------------------------------------------------------


def entry(term: str, said: str) -> str:
    """Return an entry of a list of terms."""
    body = "\n".join(f"    {line}".rstrip() for line in said.strip().splitlines())
    return f"{term}\n{body}\n\n"


def underlined(title: str, line: str) -> str:
    """Return a heading."""
    return f"{title}\n{line * len(title)}\n"


def escape(text: str) -> str:
    """Return a text in which nothing is markup."""
    return re.sub(r"([\\`*|_])", r"\\\1", text)


def main() -> int:
    """Write every page; return the exit code."""
    PAGES.mkdir(parents=True, exist_ok=True)
    for old in PAGES.glob("*.[0-9]"):
        if old.name not in names():
            old.unlink()
    for name in names():
        (PAGES / name).write_text(page(name), encoding="utf-8")
        print(f"loki/data/man/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
