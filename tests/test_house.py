"""The rules of the house, held: what is pure, which way things depend, what a start may load."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from commands import BIN, Home
from servers import ANSWER, serving

import loki

PACKAGE = Path(loki.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

#: Who may import whom: a module only those of lower floors, and of its own part of the house.
FLOORS = (
    ("record_help",),
    ("lazy", "record", "json_text", "urls", "version", "columns"),
    ("redaction", "usage", "price", "abilities", "messages"),
    ("problems",),
    ("railway",),
    ("records",),
    ("replies",),
    ("wire",),
    ("providers",),
    ("config", "formats", "money"),
    ("stages",),
    ("pipeline",),
    ("tool_use",),
    ("batch", "retrieval"),
    ("edge",),
    ("cli",),
    ("__main__",),
)
FLOOR = {part: number for number, parts in enumerate(FLOORS) for part in parts}
IMPURE = {
    "http", "io", "logging", "os", "pathlib", "random", "requests", "secrets", "shutil", "signal",
    "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "tenacity", "threading", "time",
    "urllib3", "uuid",
}  # fmt: skip


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it, also as ``"module:name"`` of a table."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and re.fullmatch(r"loki[.\w]+:\w+", str(node.value)):
            yield str(node.value).partition(":")[0]
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def part_of(path: Path) -> str:
    """The part of the house that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_dependencies_point_one_way(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        return
    own = part_of(path)
    for name in imports(path):
        if name.startswith("loki."):
            part = name.split(".")[1]
            assert part == own or FLOOR[part] < FLOOR[own], name


def imported_modules(path: Path) -> set[str]:
    """Return the modules of loki that a file imports, lazily and for types only included.

    The package itself is left out: it loads each public name when it is first used. A package of
    which only modules are imported is none of them.
    """
    names, every = set(), {module_name(each) for each in MODULES}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= inner if inner <= every else inner | {node.module}
    return names & every - {module_name(path), "loki"}


def module_name(path: Path) -> str:
    """Return the dotted name of a module by its file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def circle_members(graph: dict[str, set[str]]) -> set[str]:
    """Return the modules that import themselves by way of others."""

    def reached(name: str) -> set[str]:
        seen, following = set[str](), set(graph[name])
        while following:
            seen |= following
            following = set().union(*(graph[each] for each in following)) - seen
        return seen

    return {name for name in graph if name in reached(name)}


def test_a_circle_of_imports_is_seen() -> None:
    two = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": {"e"}, "e": {"d"}, "f": set[str]()}
    assert circle_members(two) == {"b", "c", "d", "e"}
    assert circle_members({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module_name(path): imported_modules(path) for path in MODULES}
    assert not circle_members(graph)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_edge_and_cli_touch_the_world(path: Path) -> None:
    if part_of(path) in ("edge", "cli"):
        return
    assert not {name.split(".")[0] for name in imports(path)} & IMPURE
    nodes = ast.walk(ast.parse(path.read_text()))
    calls = (node.func for node in nodes if isinstance(node, ast.Call))
    names = {called.id for called in calls if isinstance(called, ast.Name)}
    assert not names & {"open", "print", "input"}


def loaded(path: Path) -> Iterator[str]:
    """Every module that a file imports by a statement or by ``import_module("name")``."""
    yield from imports(path)
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Name("import_module"), args=[ast.Constant(str(name)), *_]):
                yield name


def declared() -> set[str]:
    """The names, in lower case with dashes, of what setup.cfg says that loki needs or can use."""
    setup = ConfigParser()
    setup.read(PACKAGE.parent / "setup.cfg")
    extras = dict(setup["options.extras_require"])
    users = [text for extra, text in extras.items() if extra not in ("test", "vendors")]
    lines = "\n".join([setup["options"]["install_requires"], *users]).splitlines()
    return {canonical(re.split(r"[\[ <>=]", line)[0]) for line in lines if line.strip()}


def canonical(name: str) -> str:
    """A package's name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_package_that_is_imported_is_declared() -> None:
    tops = {name.partition(".")[0] for path in MODULES for name in loaded(path)}
    foreign = tops - set(sys.stdlib_module_names) - {"loki"}
    homes = packages_distributions()
    undeclared = {
        top for top in foreign if not declared() & set(map(canonical, homes.get(top, [])))
    }
    assert foreign >= {"requests", "urllib3", "distributed"} and not undeclared


#: Methods that change a list, a set or a dict.
CHANGES = {
    "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "put",
    "remove", "setdefault", "update",
}  # fmt: skip

#: What modules may change all the same, with the reason.
CHANGED = {
    "loki.edge.ledger.writer.FORKED": "connections of before a fork, which must stay open",
}
#: Functions that may remember what they returned, in a process: no argument of theirs is a secret.
REMEMBERED = {
    "loki.config.setting_names.is_sensitive": "names of headers and settings",
    "loki.edge.ledger.reservations.host_name": "the name of this machine",
    "loki.stages.build.is_header_name": "names of headers",
    "loki.edge.http.connection.with_deadlines": "classes",
    "loki.edge.ledger.writer.insert_sql": "numbers of lines",
    "loki.edge.trust.warn_root": "paths: each is warned of once",
    "loki.edge.trust.warn_untrusted": "paths: each is warned of once",
    "loki.formats.structured_output.find_schema_fault": "schemas",
    "loki.providers.find_provider": "types and names of clients",
    "loki.redaction.unescape.entities": "nothing",
    "loki.redaction.unescape.escape_pattern": "nothing",
    "loki.redaction.unescape.latin_pattern": "nothing",
    "loki.redaction.unescape.unseen_pattern": "nothing",
    "loki.wire.chat_wire": "names of protocols",
    "loki.wire.embed_wire": "names of protocols",
    "loki.wire.rerank_wire": "names of protocols",
}


def changed_names(tree: ast.Module) -> set[str]:
    """Return the names of a module that a function of it changes, or assigns as a global."""
    targets = (
        each
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for each in (node.targets if isinstance(node, ast.Assign) else [node.target])
    )
    own = {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    found = set[str]()
    functions = (each for each in ast.walk(tree) if isinstance(each, FUNCTIONS))
    for node in (each for function in functions for each in ast.walk(function)):
        match node:
            case ast.Global(names):
                found |= {*names}
            case ast.Call(func=ast.Attribute(value=ast.Name(name), attr=attr)) if attr in CHANGES:
                found |= {name} & own
            case ast.Subscript(value=ast.Name(name), ctx=ast.Store() | ast.Del()):
                found |= {name} & own
            case ast.AugAssign(target=ast.Name(name)):
                found |= {name} & own
    return found


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def remembering(tree: ast.Module) -> set[str]:
    """Return the functions and methods of a module whose results are kept while it is loaded."""
    inner = (each for node in tree.body if isinstance(node, ast.ClassDef) for each in node.body)
    functions = (node for node in (*tree.body, *inner) if isinstance(node, ast.FunctionDef))
    is_cache = re.compile(r"(functools\.)?(lru_)?cache\b").match
    return {
        each.name for each in functions if any(map(is_cache, map(ast.unparse, each.decorator_list)))
    }


def instances(tree: ast.Module) -> set[str]:
    """Return the classes with state of which a module has a value of its own."""
    values = (each.value for each in tree.body if isinstance(each, ast.Assign | ast.AnnAssign))
    return {ast.unparse(each.func) for each in values if isinstance(each, ast.Call)} & STATEFUL


#: Classes whose values remember something.
STATEFUL = {"AuthContext", "Console", "ContextVar", "Redactor", "dict", "list", "local", "set"}


def test_what_modules_remember_is_seen() -> None:
    tree = ast.parse(
        "A, B, C = [], {}, set()\nD = 0\nE = {}\nR = Redactor()\n"
        "def f(x):\n    A.append(x); B[x] = 1; own = []; own.append(x); return E[x]\n"
        "def g():\n    global D\n    C.discard(1)\n"
        "@lru_cache(9)\ndef h(secret): ...\n"
    )
    assert changed_names(tree) == {"A", "B", "C", "D"}
    assert (remembering(tree), instances(tree)) == ({"h"}, {"Redactor"})


def test_no_module_remembers_what_a_call_learnt() -> None:
    changed, remembered = set[str](), set[str]()
    for path in MODULES:
        tree, name = ast.parse(path.read_text()), module_name(path)
        changed |= {f"{name}.{each}" for each in changed_names(tree)}
        remembered |= {f"{name}.{each}" for each in remembering(tree)}
        assert not instances(tree), name
        assert "contextvars" not in imports(path), name
    assert changed == set(CHANGED)
    assert remembered == set(REMEMBERED)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_says_what_comes_in_and_what_goes_out(path: Path) -> None:
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]
    assert first.endswith((".", ":")) and len(first) > 20
    assert len(path.read_text().splitlines()) <= 420, "a module that long is two"


#: What may have been loaded when a request leaves; each name more is time for every pipe.
PACKAGES = {
    "certifi",
    "charset_normalizer",
    "idna",
    "loki",
    "platformdirs",
    "requests",
    "returns",
    "socks",
    "typing_extensions",
    "urllib3",
}
FORBIDDEN = {"difflib", "sqlite3", "subprocess", "unittest"}
PROBE = """
import json, sys
from loki.cli.main import run_guarded
code = run_guarded("loki-pipe", ["Hi", "--no-ledger"])
known = set(sys.stdlib_module_names)
tops = {name.partition(".")[0] for name in sys.modules} - known
sys.stderr.write(json.dumps([code, sorted(tops), sorted(sys.modules)]))
"""


@pytest.mark.parametrize("key", ["'{{KEY}}'", "sk-literal"])
def test_a_pipe_loads_only_what_it_needs(home: Home, key: str) -> None:
    with serving(ANSWER) as server:
        home.local(server.address, client=f"api_key: {key}")
        home.environ["KEY"] = "k"
        assert home.run("Hi").code == 0  # which parses the configuration
        done = subprocess.run(
            [sys.executable, "-c", PROBE],
            env=home.variables(),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=30,
        )
    code, packages, modules = json.loads(done.stderr)
    made = ("_", "sitecustomize", "distutils", "cython_runtime")  # by the interpreter, by compilers
    ours = {name for name in packages if not name.startswith(made) and name.isidentifier()}
    assert code == 0 and ours <= PACKAGES, ours - PACKAGES
    lazy = {
        "loki.config.yaml_schema",
        "loki.config.yaml_reader",
        "loki.config.grammar",
        "loki.config.parse_config",
        "loki.cli.admin.configuration",
        "loki.cli.caching",
        "loki.cli.template",
        "loki.config.prompt_file",
        "loki.edge.answer_cache",
        "loki.edge.render",
        "loki.stages.replay",
    }
    assert not (lazy | FORBIDDEN) & set(modules)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_records_are_replaced_by_their_own_function(path: Path) -> None:
    """That of ``dataclasses`` makes a dataclass of each record first, at every start."""
    if path.name != "record.py":
        assert "import replace" not in re.sub("(?m)^from loki.record .*", "", path.read_text())


@pytest.mark.parametrize("words", [["--version"], ["--help"]])
def test_help_loads_next_to_nothing(home: Home, words: list[str]) -> None:
    probe = (
        "import sys\nfrom loki.cli.main import run_guarded\n"
        f"run_guarded('loki-pipe', {words!r})\n"
        "sys.stderr.write(' '.join(name for name in sys.modules if name.startswith('loki')))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, timeout=30)
    assert set(done.stderr.decode().split()) == {
        "loki",
        "loki.cli",
        "loki.cli.admin_flags",
        "loki.cli.main",
        "loki.cli.parser",
        "loki.cli.flag_types",
        "loki.version",
        "loki.cli.batch_flags",
        "loki.cli.commands",
        "loki.cli.flags",
    }


#: Modules without a test file of their own: tables and commands elsewhere hold their promises.
#: This list may only shrink. A module that is new has its test file; one that gets a file goes.
WITHOUT_MIRROR = {
    "cli/batch_flags.py",
    "__main__.py",
    "batch/read_rows.py",
    "cli/admin/models.py",
    "cli/batch/check.py",
    "cli/batch/context.py",
    "cli/batch/run.py",
    "cli/console.py",
    "cli/cost/image.py",
    "cli/cost/terminal_chart.py",
    "cli/embed/input.py",
    "cli/embed/output.py",
    "cli/flags.py",
    "cli/main.py",
    "config/model_prices.py",
    "edge/auth/token_endpoint.py",
    "edge/batch/cluster_pool.py",
    "edge/batch/worker_link.py",
    "edge/batch/spending.py",
    "edge/env.py",
    "edge/http/certificates.py",
    "edge/http/errors.py",
    "edge/http/fetch.py",
    "edge/http/sockets.py",
    "edge/http/transport.py",
    "money/estimate.py",
    "pipeline.py",
    "providers/anthropic.py",
    "providers/cohere.py",
    "providers/gemini.py",
    "replies.py",
    "wire/anthropic/request.py",
    "wire/anthropic/response.py",
    "wire/bedrock/request.py",
    "wire/cohere/request.py",
    "wire/google/request.py",
    "wire/openai/responses_request.py",
    "wire/openai/responses_response.py",
}


def mirror_of(path: Path) -> Path:
    """Return where the tests of a module are: tests/x/test_y.py for loki/x/y.py."""
    inside = path.relative_to(PACKAGE)
    return Path(__file__).parent / inside.parent / f"test_{inside.name}"


def test_every_module_has_its_test_file() -> None:
    modules = [path for path in MODULES if path.name != "__init__.py"]
    bare = {path for path in modules if not mirror_of(path).exists()}
    named = {PACKAGE / name for name in WITHOUT_MIRROR}
    missing, done = bare - named, named - bare
    assert not missing, f"write {', '.join(str(mirror_of(path)) for path in sorted(missing))}"
    assert not done, f"take off the list: {', '.join(str(path) for path in sorted(done))}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_is_longer_than_300_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


def test_the_commands_are_installed() -> None:
    for name in ("loki", "loki-pipe"):
        assert (BIN / name).exists()
