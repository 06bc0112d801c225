"""loki --completions: table of flags -> completion script for bash, zsh or fish."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from loki.cli.commands import COMMANDS
from loki.cli.console import Console

#: The flags of a command: their names and their help.
Flags = list[tuple[list[str], str]]


def completions(flags: Namespace, console: Console) -> int:
    """Print the completion script for a shell; return the exit code."""
    console.write(SHELLS[flags.completions]({name: options(name) for name in COMMANDS}))
    return 0


def output_formats(prog: str) -> str:
    """Return what may follow ``-o``; nothing where that is the name of a file."""
    rows = (row for group in COMMANDS[prog].groups.values() for row in group)
    return " ".join(next(extra.get("choices", ()) for names, extra in rows if "-o " in names))


def options(prog: str) -> Flags:
    """Return the flags of a command, with their help."""
    groups = COMMANDS[prog].groups.values()
    return [(names.split(), extra["help"]) for group in groups for names, extra in group]


def names_of(flags: Flags) -> str:
    """Return the names of some flags, separated by spaces."""
    return " ".join(name for names, _ in flags for name in names)


def bash(commands: dict[str, Flags]) -> str:
    """Return the script for ~/.bashrc: source <(loki --completions bash)."""
    cases = "\n".join(
        f'    {name}) flags="{names_of(flags)}" forms="{output_formats(name)}" ;;'
        for name, flags in commands.items()
    )
    return f"""\
_loki() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
  local models flags forms
  case ${{1##*/}} in
{cases}
  esac
  case $before in
    -m|--model|--fallback)
      models=$(loki --list-models 2>/dev/null | cut -d' ' -f1)
      COMPREPLY=($(compgen -W "$models" -- "$word"))
      type __ltrim_colon_completions >/dev/null 2>&1 && __ltrim_colon_completions "$word" ;;
    -o|--output) [ "$forms" ] && COMPREPLY=($(compgen -W "$forms" -- "$word")) ;;
    --task) COMPREPLY=($(compgen -W "query document" -- "$word")) ;;
    --by) COMPREPLY=($(compgen -W "day month model client tag" -- "$word")) ;;
    --reasoning) COMPREPLY=($(compgen -W "none minimal low medium high xhigh max" -- "$word")) ;;
    --completions) COMPREPLY=($(compgen -W "bash zsh fish" -- "$word")) ;;
    -f|--file|--into|--messages|-C|--conversation|--schema|--tools|--config|--system-file|-T|--template|--template-file)
      COMPREPLY=($(compgen -f -- "$word")) ;;
    *) [[ $word == -* ]] && COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
  esac
}}
complete -o default -F _loki {" ".join(commands)}
"""


def zsh(commands: dict[str, Flags]) -> str:
    """Return the script for ~/.zshrc: source <(loki --completions zsh)."""

    def lines(prog: str) -> str:
        table = str.maketrans({"[": "(", "]": ")", "'": "’"})
        output = f":form:({output_formats(prog)})" if output_formats(prog) else ":file:_files"
        takes = {**TAKES, "--output": output}
        return "\n".join(
            f"    '{name}[{help.translate(table)}]{takes.get(names[-1], '')}'"
            for names, help in commands[prog]
            for name in names
        )

    names = " ".join(commands)
    cases = "\n".join(f"    {name}) flags=(\n{lines(name)}\n    ) ;;" for name in commands)
    return f"""\
#compdef {names}
_loki_models() {{
  local -a models=(${{(f)"$(loki --list-models 2>/dev/null | cut -d' ' -f1)"}})
  compadd -a models
}}
_loki() {{
  local -a flags
  case $service in
{cases}
  esac
  _arguments $flags '*:text:_files'
}}
compdef _loki {names}
"""


#: What follows a flag, as zsh wants it.
TAKES = {
    "--model": ":model:_loki_models",
    "--fallback": ":model:_loki_models",
    "--task": ":task:(query document)",
    "--by": ":part:(day month model client tag)",
    "--reasoning": ":how:(none minimal low medium high xhigh max)",
    "--completions": ":shell:(bash zsh fish)",
    "--file": ":file:_files",
    "--into": ":store:_files -/",
    "--messages": ":file:_files",
    "--conversation": ":file:_files",
    "--system-file": ":file:_files",
    "--template": ":file:_files",
    "--template-file": ":file:_files",
    "--schema": ":file:_files",
    "--tools": ":file:_files",
    "--config": ":file:_files",
}


def fish(commands: dict[str, Flags]) -> str:
    """Return the script for ~/.config/fish/completions/loki.fish."""

    def line(command: str, names: list[str], help: str) -> str:
        short = "".join(f" -s {name[1:]}" for name in names if not name.startswith("--"))
        long = "".join(f" -l {name[2:]}" for name in names if name.startswith("--"))
        models = " -x -a \"(loki --list-models 2>/dev/null | string split -f1 ' ')\""
        takes = models if names[-1] in ("--model", "--fallback") else ""
        quoted = help.replace("'", "\\'")
        return f"complete -c {command}{short}{long} -d '{quoted}'{takes}\n"

    return "".join(
        line(command, names, help) for command, flags in commands.items() for names, help in flags
    )


SHELLS: dict[str, Callable[[dict[str, Flags]], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
