"""loki --completions: table of flags -> completion script for bash, zsh or fish."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import NamedTuple

from loki.cli.admin.man import topics
from loki.cli.commands import COMMANDS
from loki.cli.console import Console
from loki.cli.flag_types import EFFORTS

#: What follows a flag, where its row has no words to choose from: a row of SOURCES, or words.
KINDS: dict[str, str | tuple[str, ...]] = {
    **dict.fromkeys(("--model", "--fallback"), "models"),
    **dict.fromkeys(("--get-secret", "--update-secret", "--delete-secret"), "secrets"),
    "--authenticate": "clients",
    "--template": "templates",
    "--template-file": "templates",
    "--reasoning": EFFORTS,
    "--tool-choice": ("auto", "none", "required"),
}
#: The same by what the help calls a value; other values are nobody's to guess.
METAVARS = {
    **dict.fromkeys(("FILE", "FILE|JSON", "PATH|URL", "OUT", "FILE.svg|FILE.png"), "files"),
    "STORE": "folders",
}
#: The commands that print what may follow a flag, in the words of a POSIX shell and of fish.
SOURCES = {
    "models": "loki --list-models 2>/dev/null | cut -d' ' -f1",
    "secrets": "loki --list-secrets 2>/dev/null",
    "clients": "loki --info 2>/dev/null | sed -n 's/^clients  *//p' | tr -s ', ' '\\n'",
    "templates": "loki --info 2>/dev/null | sed -n 's/^config_dir  *//p'"
    " | sed 's:$:/templates:' | xargs -I DIR ls DIR 2>/dev/null",
}


class Flag(NamedTuple):
    """A flag as shells complete it; ``kind`` is a kind of values, or the words to choose from."""

    names: list[str]
    help: str
    kind: str | tuple[str, ...]  # "": it takes no value; "text": one that nobody can guess
    is_joined: bool  # its value stands after "=", never in the next word
    is_repeatable: bool


def completions(flags: Namespace, console: Console) -> int:
    """Print the completion script for a shell; return the exit code."""
    console.write(SHELLS[flags.completions]({name: options(name) for name in COMMANDS}))
    return 0


def options(prog: str) -> list[Flag]:
    """Return the flags of a command."""
    rows = (row for group in COMMANDS[prog].groups.values() for row in group)
    return [
        Flag(
            names.split(),
            extra["help"],
            kind_of(names.split()[-1], extra),
            extra.get("metavar", "").startswith("[="),
            extra.get("action") in ("append", "extend"),
        )
        for names, extra in rows
    ]


def kind_of(name: str, extra: dict[str, object]) -> str | tuple[str, ...]:
    """Return what may follow a flag.

    >>> kind_of("--model", {"metavar": "CLIENT:MODEL"}), kind_of("--tag", {"metavar": "NAME"})
    ('models', 'text')
    """
    if extra.get("action") == "store_true":
        return ""
    choices = topics() if name == "--man" else extra.get("choices")
    if isinstance(choices, list | tuple):
        return tuple(map(str, choices))
    return KINDS.get(name) or METAVARS.get(str(extra.get("metavar")), "text")


def words_of(kind: str | tuple[str, ...]) -> str:
    """Return the words to choose from, separated by spaces; nothing for another kind."""
    return " ".join(kind) if isinstance(kind, tuple) else ""


# ---- bash ----------------------------------------------------------------------------------------


def bash(commands: dict[str, list[Flag]]) -> str:
    """Return the script for bash, with or without its package of completions.

    bash takes ``openai:gpt`` for three words and replaces only the last, so the word is cut from
    the line here, and what stands before the last colon is taken from the answers.
    """
    sources = "\n".join(
        f"    {name}) values=$({command}) ;;"
        for name, command in SOURCES.items()
        if name != "templates"
    )
    names = "\n".join(
        f'    {name}) flags="{" ".join(name for flag in flags for name in flag.names)}" ;;'
        for name, flags in commands.items()
    )
    return f"""\
# bash, in ~/.bashrc: source <(loki --completions bash)
_loki() {{
  local line=${{COMP_LINE:0:COMP_POINT}} name=${{1##*/}} IFS=$' \\t\\n'
  local value=${{line##*[[:space:]]}} kind= values= flags= flag words prefix=
  read -ra words <<< "${{line%"$value"}}"
  flag=${{words[${{#words[@]}}-1]}}
  case $value in --*=*) flag=${{value%%=*}}= value=${{value#*=}} ;; esac
  case $name in
{names}
  esac
  case "$name $flag" in
{bash_cases(commands)}
  esac
  case $kind in
    text) return ;;
{sources}
    templates) values=$({SOURCES["templates"]}) ;;
  esac
  if [[ -z $kind && $value == -* ]]; then
    values=$flags kind=words
  fi
  COMPREPLY=()
  [[ -n $values ]] && COMPREPLY=($(compgen -W "$values" -- "$value"))
  IFS=$'\\n'
  case $kind in
    folders) COMPREPLY=($(compgen -d -- "$value")) ;;
    "" | files | templates) COMPREPLY+=($(compgen -f -- "$value")) ;;
  esac
  case $kind in "" | files | templates | folders) compopt -o filenames 2>/dev/null ;; esac
  [[ $COMP_WORDBREAKS == *:* && $value == *:* ]] && prefix=${{value%"${{value##*:}}"}}
  COMPREPLY=("${{COMPREPLY[@]#"$prefix"}}")
  [[ $COMP_WORDBREAKS != *=* && $flag == *= ]] && COMPREPLY=("${{COMPREPLY[@]/#/$flag}}")
  return 0
}}
complete -F _loki {" ".join(commands)}
"""


def bash_cases(commands: dict[str, list[Flag]]) -> str:
    """Return what follows each flag of each command, a line for each kind of value."""
    patterns: dict[str | tuple[str, ...], list[str]] = {}
    for prog, flags in commands.items():
        for flag in flags:
            ends = [] if not flag.kind else ["="] if flag.is_joined else ["", "="]
            found = [f'"{prog} {name}{end}"' for name in flag.names for end in ends]
            patterns.setdefault(flag.kind, []).extend(found)
    return "\n".join(
        f"    {'|'.join(found)}) {bash_kind(kind)} ;;" for kind, found in patterns.items() if found
    )


def bash_kind(kind: str | tuple[str, ...]) -> str:
    """Return what bash is to do about a kind of values."""
    return f"kind={kind}" if isinstance(kind, str) else f'kind=words values="{words_of(kind)}"'


# ---- zsh -----------------------------------------------------------------------------------------


def zsh(commands: dict[str, list[Flag]]) -> str:
    """Return the script for zsh."""
    functions = "\n".join(
        f'_loki_{name}() {{\n  local -a found=(${{(f)"$({command})"}})\n  compadd -a found\n'
        f"{'  _files' if name == 'templates' else ''}\n}}"
        for name, command in SOURCES.items()
    )
    cases = "\n".join(
        f"    {prog}) flags=(\n{''.join(map(zsh_flag, flags))}    ) ;;"
        for prog, flags in commands.items()
    )
    names = " ".join(commands)
    return f"""\
# zsh, in ~/.zshrc after compinit: source <(loki --completions zsh)
{functions}
_loki() {{
  local -a flags
  case ${{service:-${{words[1]:t}}}} in
{cases}
  esac
  _arguments $flags '*:text:_files'
}}
compdef _loki {names}
"""


def zsh_flag(flag: Flag) -> str:
    """Return the lines of a flag, as ``_arguments`` wants them."""
    table = str.maketrans({"[": "(", "]": ")", "'": "’"})
    star = "*" if flag.is_repeatable else ""
    value = zsh_value(flag)
    return "".join(
        f"    '{star}{name}{zsh_joint(name, flag)}[{flag.help.translate(table)}]{value}'\n"
        for name in flag.names
    )


def zsh_joint(name: str, flag: Flag) -> str:
    """Return what stands between a flag and its value: = alone, = or a space, or a space."""
    if not flag.kind or not name.startswith("--"):
        return ""
    return "=-" if flag.is_joined else "="


def zsh_value(flag: Flag) -> str:
    """Return what may follow a flag."""
    if not flag.kind:
        return ""
    actions = {"files": "_files", "folders": "_files -/", "text": " "}
    words = f"({words_of(flag.kind)})"
    action = actions.get(flag.kind, f"_loki_{flag.kind}") if isinstance(flag.kind, str) else words
    return f"{'::' if flag.is_joined else ':'}value:{action}"


# ---- fish ----------------------------------------------------------------------------------------


def fish(commands: dict[str, list[Flag]]) -> str:
    """Return the script for fish."""
    head = "# fish, in ~/.config/fish/config.fish: loki --completions fish | source\n"
    lines = (fish_flag(prog, flag) for prog, flags in commands.items() for flag in flags)
    return head + "".join(lines)


def fish_flag(prog: str, flag: Flag) -> str:
    """Return the line of a flag."""
    short = "".join(f" -s {name[1:]}" for name in flag.names if not name.startswith("--"))
    long = "".join(f" -l {name[2:]}" for name in flag.names if name.startswith("--"))
    quoted = flag.help.replace("\\", "\\\\").replace("'", "\\'")
    return f"complete -c {prog}{short}{long} -d '{quoted}'{fish_value(flag)}\n"


def fish_value(flag: Flag) -> str:
    """Return what may follow a flag."""
    if isinstance(flag.kind, tuple):
        return f" {'-f' if flag.is_joined else '-x'} -a '{words_of(flag.kind)}'"
    if flag.kind in SOURCES:
        command = SOURCES[flag.kind].replace("2>/dev/null", "2>/dev/null").replace('"', '\\"')
        files = "-r -F" if flag.kind == "templates" else "-x"
        return f' {files} -a "({command.replace("$", chr(92) + "$")})"'
    return {"": "", "files": " -r -F", "folders": " -x -a '(__fish_complete_directories)'"}.get(
        flag.kind, "" if flag.is_joined else " -x"
    )


SHELLS: dict[str, Callable[[dict[str, list[Flag]]], str]] = {
    "bash": bash,
    "zsh": zsh,
    "fish": fish,
}
