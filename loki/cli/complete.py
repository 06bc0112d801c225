"""loki --completions: the table of flags -> a script that a shell reads."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from loki.cli import show
from loki.cli.options import COMMANDS

Flags = list[tuple[list[str], str]]


def completions(prog: str, flags: Namespace) -> int:
    """A script that a shell reads to complete our commands."""
    show.out(SHELLS[flags.completions](options("loki-pipe"), options("loki")))
    return 0


def options(prog: str) -> list[tuple[list[str], str]]:
    """The flags of a command, with their help."""
    groups = COMMANDS[prog].groups.values()
    return [(names.split(), extra["help"]) for group in groups for names, extra in group]


def words(flags: list[tuple[list[str], str]]) -> str:
    """The names of some flags, side by side."""
    return " ".join(name for names, _ in flags for name in names)


def bash(pipe: Flags, loki: Flags) -> str:
    """For ~/.bashrc: source <(loki --completions bash)"""
    return f"""\
_loki() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
  local models flags="{words(pipe)}"
  [ "$1" = loki ] && flags="{words(loki)}"
  case $before in
    -m|--model|--fallback)
      models=$(loki --list-models 2>/dev/null | cut -d' ' -f1)
      COMPREPLY=($(compgen -W "$models" -- "$word"))
      type __ltrim_colon_completions >/dev/null 2>&1 && __ltrim_colon_completions "$word" ;;
    -o|--output) COMPREPLY=($(compgen -W "text json events" -- "$word")) ;;
    --reasoning) COMPREPLY=($(compgen -W "none low medium high" -- "$word")) ;;
    --completions) COMPREPLY=($(compgen -W "bash zsh fish" -- "$word")) ;;
    -f|--file|--messages|--schema|--tools|--config) COMPREPLY=($(compgen -f -- "$word")) ;;
    *) [[ $word == -* ]] && COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
  esac
}}
complete -o default -F _loki loki loki-pipe
"""


def zsh(pipe: Flags, loki: Flags) -> str:
    """For ~/.zshrc: source <(loki --completions zsh)"""

    def lines(flags: Flags) -> str:
        table = str.maketrans({"[": "(", "]": ")", "'": "’"})
        return "\n".join(
            f"    '{name}[{help.translate(table)}]{TAKES.get(names[-1], '')}'"
            for names, help in flags
            for name in names
        )

    return f"""\
#compdef loki loki-pipe
_loki_models() {{
  local -a models=(${{(f)"$(loki --list-models 2>/dev/null | cut -d' ' -f1)"}})
  compadd -a models
}}
_loki() {{
  local -a flags
  flags=(
{lines(pipe)}
  )
  [[ $service == loki ]] && flags=(
{lines(loki)}
  )
  _arguments $flags '*:text:'
}}
compdef _loki loki loki-pipe
"""


#: What follows a flag, in zsh's words.
TAKES = {
    "--model": ":model:_loki_models",
    "--fallback": ":model:_loki_models",
    "--output": ":form:(text json events)",
    "--reasoning": ":how:(none low medium high)",
    "--completions": ":shell:(bash zsh fish)",
    "--file": ":file:_files",
    "--messages": ":file:_files",
    "--schema": ":file:_files",
    "--tools": ":file:_files",
    "--config": ":file:_files",
}


def fish(pipe: Flags, loki: Flags) -> str:
    """For ~/.config/fish/completions/loki.fish"""

    def line(command: str, names: list[str], help: str) -> str:
        short = "".join(f" -s {name[1:]}" for name in names if not name.startswith("--"))
        long = "".join(f" -l {name[2:]}" for name in names if name.startswith("--"))
        models = " -x -a \"(loki --list-models 2>/dev/null | string split -f1 ' ')\""
        takes = models if names[-1] in ("--model", "--fallback") else ""
        quoted = help.replace("'", "\\'")
        return f"complete -c {command}{short}{long} -d '{quoted}'{takes}\n"

    both = (("loki-pipe", pipe), ("loki", loki))
    return "".join(line(command, names, help) for command, flags in both for names, help in flags)


SHELLS: dict[str, Callable[[Flags, Flags], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
