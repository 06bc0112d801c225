"""loki --check: a right configuration -> what a call of each client and model would say."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence

from returns.result import Result, Success

from loki.cli.admin.login_check import Found, key_notes, setting_problems
from loki.cli.admin.price_check import price_problems
from loki.cli.console import Console
from loki.config.parse_config import ClientPlace
from loki.config.yaml_schema import Position
from loki.edge.auth.auth_context import AuthContext
from loki.edge.call_faults import CallCheck
from loki.edge.env import with_vault
from loki.edge.http.transport import Transports
from loki.json_text import JsonObject
from loki.problems import EXIT_CODES, Problem
from loki.records import Ask, Client, Config, Model, Target, Task
from loki.stages.draft import draft
from loki.stages.patch import patch
from loki.stages.resolve import check_target, fill_defaults, find_target


def check_calls(
    config: Config,
    path: str,
    places: Sequence[ClientPlace],
    entries: Sequence[JsonObject],
    flags: Namespace,
    environ: Mapping[str, str],
    console: Console,
) -> int:
    """Print what a call of each client and model would say; return the exit code.

    ``entries`` are the clients as they are written.
    """
    context = AuthContext(with_vault(config, environ), console.redactor)
    found, lacks = call_problems(config, places, context)
    notes = [] if flags.check == "online" else [*key_notes(config, context), *lacks]
    for note in [*config.notes, *dict.fromkeys(notes)]:
        console.print_stderr(f"note: {note}")
    messages = sorted(
        {
            *found,
            *setting_problems(config, places, entries, context),
            *config_problems(config, environ),
            *price_problems(config, places),
        }
    )
    for place, message in messages:
        console.print_stderr(f"{path}:{place[0]}:{place[1]}: {message}")
    if messages:
        return EXIT_CODES["config"]
    if flags.check == "online":
        from loki.cli.admin.online_check import check_online  # with all that sends

        return check_online(config, flags, environ, console)
    count = len(config.clients)
    console.write(f"{path}: {count} client{'s' * (count != 1)}, nothing wrong\n")
    return 0


def call_problems(
    config: Config, places: Sequence[ClientPlace], context: AuthContext
) -> tuple[list[Found], list[str]]:
    """Return why calls would fail before anything is sent, of each client, model and default.

    Beside them notes: which secrets are nowhere to be found.
    """
    transports = Transports()
    problems: list[Found] = []
    notes: list[str] = []
    for client, where in zip(config.clients, places, strict=True):
        found, lacks = client_problems(config, client, where, context, transports)
        problems += found
        notes += lacks
    default = find_target(config, Ask(EXAMPLE), "chat") if config.model else None
    if default is None:
        return problems, notes
    known = {message for _, message in problems}
    default_faults, lacks = target_faults(default, context, transports)
    return problems + [((1, 1), each) for each in default_faults if each not in known], [
        *notes,
        *lacks,
    ]


def client_problems(
    config: Config,
    client: Client,
    where: ClientPlace,
    context: AuthContext,
    transports: Transports,
) -> tuple[list[Found], list[str]]:
    """Return what is wrong with the calls of a client, each once, and notes.

    What all of its models say is the client's own fault, and stands at its place.
    """
    each_model: list[tuple[Position, list[str]]] = []
    check: CallCheck | None = None
    for model, place in models_to_check(config, client, where):
        target = fill_defaults(config, example_ask(model.type), client, model).bind(check_target)
        if check is None and isinstance(target, Success):
            check = CallCheck(client, context, transports)
        each_model.append((place, [*faults_of(target, check)]))
    if check is None:
        return [(place, message) for place, faults in each_model for message in faults], []
    shared = set[str].intersection(*({*faults} for _, faults in each_model))
    return [
        *((where.client, message) for message in {*shared, *check.problems}),
        *((place, each) for place, faults in each_model for each in faults if each not in shared),
    ], [*check.notes]


def target_faults(
    target: Result[Target, Problem], context: AuthContext, transports: Transports
) -> tuple[list[str], list[str]]:
    """Return what is wrong with calls of one target, and notes."""
    if not isinstance(target, Success):
        return [target.failure().message], []
    check = CallCheck(target.unwrap().client, context, transports)
    return [*faults_of(target, check), *check.problems], [*check.notes]


def faults_of(target: Result[Target, Problem], check: CallCheck | None) -> Iterator[str]:
    """Yield what is wrong with the requests to a target."""
    drafted = target.bind(draft).map(patch())
    if check is None or not isinstance(drafted, Success):
        yield drafted.failure().message
    else:
        yield from check.request_faults(drafted.unwrap())


def example_ask(task: Task) -> Ask:
    """Return what a model of a type can be asked."""
    if task == "chat":
        return Ask(EXAMPLE)
    return Ask(texts=(EXAMPLE,), query=EXAMPLE if task == "reranker" else "")


EXAMPLE = "Hi"


def config_problems(config: Config, environ: Mapping[str, str]) -> list[Found]:
    """Return what is wrong with the whole: no clients, a budget without its ledger."""
    if not config.clients:
        return [((1, 1), "no clients: name at least one, as in loki --man config")]
    if not config.budget:
        return []
    from loki.edge.ledger.writer import Ledger, ledger_path

    ledger = Ledger(ledger_path(environ)).spent([(0.0, 1.0)])
    if isinstance(ledger, Success):
        return []
    return [((1, 1), f"the budget cannot be kept: {ledger.failure().message}")]


def models_to_check(
    config: Config, client: Client, where: ClientPlace
) -> list[tuple[Model, Position]]:
    """Return the models that a client lists, else one that stands for all, with their places."""
    models = config.models(client)
    if client.models:
        return [*zip(models, where.models, strict=True)]
    return [(models[0] if models else Model("m", "m"), where.client)]
