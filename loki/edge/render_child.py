"""Fill in one template again and again: the program that edge/render.py starts.

It reads messages (a line with their size in bytes, then JSON) and writes a line of JSON for each.
It has its own process because a template may come from a stranger: it has no secret and no
environment, opens no file once it has begun, and time and memory are limited by the system.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template, nodes
    from jinja2.sandbox import SandboxedEnvironment

MAX_MEMORY = 512 << 20  # bytes, beside what the values take
MAX_SECONDS = 2  # of the processor's time, for each message
MAX_OUTPUT = 16 << 20  # bytes of a text, beside what the values take
LONGEST = 300  # characters of a message
FILE = "<prompt>"  # so tracebacks name the template

Json = dict[str, Any]


#: Modules that Jinja and Python load where they are first needed: no file can be opened then.
LOADED_LATE = (
    *("jinja2.debug", "jinja2.meta", "textwrap", "pprint", "unicodedata"),
    *("encodings.unicode_escape", "encodings.latin_1", "encodings.ascii", "encodings.idna"),
)


class OutputLimitError(Exception):
    """A text that is longer than it may be."""


def serve() -> None:
    """Answer the messages on stdin until it ends; the first one brings the template."""
    first = read_message()
    if first is None:
        return
    sys.path[:] = first["path"]  # where the parent found its packages
    environment = make_environment()
    limit_files()
    compiled = run_guarded(lambda: compile_template(environment, first["source"]))
    template = compiled.pop("template", None)
    write_message(compiled)
    while template is not None and (message := read_message()) is not None:
        most = MAX_OUTPUT + 2 * message["size"]
        values = message["values"]
        write_message(run_guarded(lambda v=values, m=most: {"text": render(template, v, m)}))


def read_message() -> Json | None:
    """Return the next message, None at the end; more time and memory are allowed for it."""
    line = sys.stdin.buffer.readline()
    if not line:
        return None
    size = int(line)
    limit_resources(size)
    data = sys.stdin.buffer.read(size)
    return {"size": size, **json.loads(data.decode("utf-8", "surrogatepass"))}


def write_message(message: Json) -> None:
    """Write a message: a line of JSON."""
    line = json.dumps(message, ensure_ascii=False) + "\n"
    sys.stdout.buffer.write(line.encode("utf-8", "surrogatepass"))
    sys.stdout.buffer.flush()


# ---- limits --------------------------------------------------------------------------------------


def limit_resources(size: int) -> None:
    """Limit memory and time for a message of so many bytes, where the system can."""
    try:
        import resource
    except ImportError:  # Windows; the parent still limits the time
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + 1 + MAX_SECONDS + (size >> 22)
    for name, soft in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, MAX_MEMORY + 24 * size),
    ):
        hard = resource.getrlimit(name)[1]
        most = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
        try:
            resource.setrlimit(name, (most, hard))
        except (OSError, ValueError):
            continue  # macOS does not limit the address space


def limit_files() -> None:
    """Let nothing be opened from now on."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    except (ImportError, OSError, ValueError):
        return


# ---- Jinja ---------------------------------------------------------------------------------------


def make_environment() -> SandboxedEnvironment:
    """Return the sandbox, with all modules that it may need later loaded."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    for name in LOADED_LATE:
        import_module(name)
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, cache_size=0)
    del environment.globals["lipsum"]  # filler text is no prompt
    return environment


def compile_template(environment: SandboxedEnvironment, source: str) -> Json:
    """Return the template, the names that it uses, and those that it cannot do without."""
    from jinja2 import TemplateSyntaxError, meta, nodes

    tree = environment.parse(source)
    others = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
    for node in tree.find_all(others):
        message = "include, import and extends are not for a prompt file: it reads no other"
        raise TemplateSyntaxError(message, node.lineno)
    names = meta.find_undeclared_variables(tree) - set(environment.globals)
    code = environment.compile(tree, filename=FILE)
    template = environment.template_class.from_code(environment, code, environment.make_globals({}))
    required = names - optional_names(tree)
    return {"template": template, "names": sorted(names), "required": sorted(required)}


def optional_names(tree: nodes.Template) -> set[str]:
    """Return the names that a template asks about, or has a default for."""
    from jinja2 import nodes

    asked = ("defined", "undefined", "default", "d")
    found = (each.node for each in tree.find_all((nodes.Test, nodes.Filter)) if each.name in asked)
    return {node.name for node in found if isinstance(node, nodes.Name)}


def render(template: Template, values: Json, most: int) -> str:
    """Return the text; raise OutputLimitError once it is longer than ``most``."""
    pieces, size = [], 0
    for piece in template.generate(values):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise OutputLimitError(f"the text is longer than {most >> 20} MiB")
    return "".join(pieces)


def run_guarded(work: Any) -> Json:
    """Return what some work returns, or what is wrong with the template, and in which line."""
    from jinja2 import TemplateSyntaxError

    try:
        result: Json = work()
    except TemplateSyntaxError as error:
        return {"error": shorten(error.message or "not a template"), "line": error.lineno}
    except MemoryError:
        return {"error": f"it needs more than {MAX_MEMORY >> 20} MiB of memory", "line": None}
    except RecursionError:
        return {"error": "it is nested too deeply", "line": None}
    except Exception as error:
        return {"error": shorten(str(error) or type(error).__name__), "line": line_of(error)}
    return result


def line_of(error: Exception) -> int | None:
    """Return the line of the template where an error happened, the innermost one."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def shorten(message: str) -> str:
    """Return a message on one line, cut where it is long.

    >>> shorten("a\\n b")
    'a b'
    """
    line = " ".join(message.split())
    return line[:LONGEST] + "…" * (len(line) > LONGEST)


if __name__ == "__main__":
    serve()
    sys.stdout.flush()
    os._exit(0)
