"""Calls of tools -> their results: commands that run at once, each in its own group.

A command gets the arguments as JSON on stdin; what it prints is the result. It is stopped at its
time limit, once it has printed too much, and whenever we are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from loki.edge.env import find_schema_violation_in_time
from loki.edge.files import describe_os_error
from loki.edge.tool_process import MAX_OUTPUT, Output, Processes, read_output
from loki.formats.tool_commands import ToolCommand
from loki.formats.tool_results import find_argument_fault, result_of
from loki.json_text import compact
from loki.messages import Message, ToolCall
from loki.redaction.redactor import Redactor

MAX_PARALLEL_CALLS = 8  # tools
MAX_ERROR_LENGTH = 10_000  # characters of what a tool that failed says on stderr

#: Told of each call and its result, in the order of the calls.
OnResult = Callable[[ToolCall, Message, float], None]


# ---- running -----------------------------------------------------------------------------------


def run_tools(
    commands: Mapping[str, ToolCommand],
    environ: Mapping[str, str],
    deadline: float,
    on_result: OnResult,
    redactor: Redactor,
    calls: tuple[ToolCall, ...],
) -> tuple[Message, ...]:
    """Return the results of calls, which run at once, in order; one ``deadline`` for all.

    Whatever interrupts the wait ends every command first. No result has a secret of ours in it.
    """
    processes = Processes(environ)
    work = partial(run_timed_call, processes, commands, deadline, redactor)
    with ThreadPoolExecutor(MAX_PARALLEL_CALLS) as pool:
        try:
            results = []
            for call, (result, seconds) in zip(calls, pool.map(work, calls), strict=True):
                on_result(call, result, seconds)
                results.append(result)
            return tuple(results)
        except BaseException:
            processes.stop()
            pool.shutdown(cancel_futures=True)
            raise


def run_timed_call(
    processes: Processes,
    commands: Mapping[str, ToolCommand],
    deadline: float,
    redactor: Redactor,
    call: ToolCall,
) -> tuple[Message, float]:
    """Return the result of a call, and the seconds it took."""
    started = time.monotonic()
    result = run_call(processes, commands, deadline, redactor, call)
    return result, time.monotonic() - started


def run_call(
    processes: Processes,
    commands: Mapping[str, ToolCommand],
    deadline: float,
    redactor: Redactor,
    call: ToolCall,
) -> Message:
    """Return the result of a call: what its command prints, or what is wrong."""
    schemas = {name: command.schema for name, command in commands.items()}
    if fault := find_argument_fault(call, schemas, find_schema_violation_in_time):
        return result_of(call, redactor.redact(fault), is_error=True)
    command = commands[call.name]
    try:
        process = processes.start(command.argv)
    except (OSError, ValueError) as error:
        why = describe_os_error(error) if isinstance(error, OSError) else str(error)
        return result_of(call, f"cannot run {command.argv[0]}: {why}", is_error=True)
    try:
        started = time.monotonic()
        limit = min(deadline - started, command.timeout)
        data = compact(call.arguments).encode("utf-8", "replace")
        output = read_output(process, data, started + limit)
    finally:
        processes.end(process)
    return describe_output(call, output, process.returncode, limit, redactor)


# ---- what the model is told --------------------------------------------------------------------


def describe_output(
    call: ToolCall, output: Output, code: int, limit: float, redactor: Redactor
) -> Message:
    """Return what a command printed as the result of its call; no secret of ours is in it."""
    if 0 in output.out:
        place = f"byte {output.out.index(0)} is 0"
        return result_of(call, f"the tool printed what is no text: {place}", is_error=True)
    cut = CUT if len(output.out) > MAX_OUTPUT else b""
    text = as_text(output.out[:MAX_OUTPUT] + cut, redactor)
    if output.stopped == "long":
        return result_of(call, f"{text}\n[cut: the tool printed more than {MAX_OUTPUT:,} bytes]")
    if output.stopped == "late":
        fault = f"the tool was stopped: it did not end within {limit:.3g} s"
    elif code:
        how = f"exit code {code}" if code > 0 else f"signal {-code}"
        fault = f"the tool failed with {how}"
    else:
        return result_of(call, text)
    stderr = as_text(output.err, redactor)[-MAX_ERROR_LENGTH:].strip()
    return result_of(call, "\n".join(filter(None, (fault, stderr, text))), is_error=True)


def as_text(printed: bytes, redactor: Redactor) -> str:
    """Return what a command printed as a text without our secrets and without its last line end."""
    return redactor.redact(printed.decode("utf-8", "replace")).rstrip("\n").replace("\0", "\ufffd")


#: The mark of a cut, by which a secret that was cut in two is known.
CUT = "…".encode()
