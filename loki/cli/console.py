"""Console: the standard streams of a command; data goes to stdout, messages go to stderr."""

from __future__ import annotations

import errno
import os
from typing import Any, TextIO

from loki.cli.describe import full_problem_json, one_line, provider_facts
from loki.json_text import compact
from loki.problems import EXIT_CODES, Problem
from loki.record import replace
from loki.redaction.redactor import Redactor

#: A disk that is full, or fails.
FULL = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG)


class Console:
    """The streams of a command, how it writes to them, and what its messages depend on."""

    def __init__(self, prog: str, stdout: TextIO, stderr: TextIO) -> None:
        self.prog = prog
        self.redactor = Redactor()  # of the whole command: learns its secrets, and hides them
        self.stdout = stdout
        self.stderr = stderr
        self.stdout_is_terminal = stdout.isatty()
        self.stderr_is_terminal = stderr.isatty()
        # no-color.org
        self.has_colours = self.stderr_is_terminal and not os.environ.get("NO_COLOR")
        self.is_quiet = False  # no warnings
        self.output_format = "text"  # text, json, events …: of the answer on stdout
        self.maybe_sent = False  # a request may have left, which the report of a bug says
        self.data: Any = getattr(stdout.buffer, "raw", stdout.buffer)  # counts what it takes
        self.writes_answer = False  # which is paid for: what stdout does not take is kept
        self.full: OSError | None = None  # why stdout takes no more
        self.rescue = ""  # the path of the file that has the rest
        self.has_open_line = False  # of an answer on stdout, which ends with a newline
        self.line_was_ended = False  # early, for a message
        self.kept: Any = None  # what is to stay open until the process ends

    # ---- stdout: data ----------------------------------------------------------------------------

    def write_bytes(self, data: bytes) -> None:
        """Write all of some bytes to stdout at once; where it is full, an answer to a file of ours.

        Anything else can be had again, and may be a secret.
        Without Python's buffers, a reader that goes away interrupts one write only.
        """
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self.data.write(rest) or 0 :]
            except OSError as error:
                if error.errno not in FULL or self.full is not None or not self.writes_answer:
                    raise
                self.switch_to_rescue_file(error)
        self.data.flush()

    def switch_to_rescue_file(self, error: OSError) -> None:
        """Write to a file of ours from here on: the answer is paid for, and half of it is out."""
        from loki.edge.files import directory
        from loki.edge.rescue import make_rescue_file

        self.full = error
        handle, self.rescue = make_rescue_file(directory("state", os.environ), self.prog)
        self.data = open(handle, "wb", buffering=0)  # noqa: SIM115 - it stays open

    def keep_answer(self, problem: Problem) -> Problem:
        """Return a problem with the file where its answer is kept, which is paid for, not shown."""
        if not (problem.answer_text and problem.sent):
            return problem
        from loki.edge.files import describe_os_error, directory
        from loki.edge.rescue import keep_text

        try:
            path = keep_text(directory("state", os.environ), self.prog, problem.answer_text)
            where = f"the answer is kept in {path}"
        except OSError as error:
            where = f"the answer is kept nowhere: {describe_os_error(error)}"
        return replace(problem, message=f"{problem.message}; {where}")

    def write(self, text: str) -> None:
        """Write a text of our own to stdout; a character without UTF-8 becomes a question mark."""
        self.write_bytes(text.encode("utf-8", "replace"))

    def write_untrusted(self, text: str) -> None:
        """Write a text of a provider: whole to a pipe, without control sequences to a terminal."""
        self.write(strip_controls(text) if self.stdout_is_terminal else text)

    def write_json(self, value: Any) -> None:
        """Write a JSON line of what a provider answered."""
        self.write_untrusted(compact(value) + "\n")

    def exit_if_stdout_closed(self) -> None:
        """Raise SystemExit(141), as after a closed pipe, if nobody reads stdout any more."""
        import select

        if not hasattr(select, "poll"):
            return  # the next write will tell
        poll = select.poll()
        try:
            poll.register(self.stdout.fileno(), 0)  # an error is always reported
        except (OSError, ValueError):
            return  # a stream in memory
        if any(event & select.POLLERR for _, event in poll.poll(0)):
            raise SystemExit(141)

    def end_open_line(self) -> None:
        """End the line of an answer where a message would be read as a part of it."""
        if self.has_open_line and self.full is None and self.shares_stdout():
            self.has_open_line, self.line_was_ended = False, True
            self.write("\n")

    def shares_stdout(self) -> bool:
        """Return whether messages are read where the answer is: at a terminal, or in one file."""
        try:
            out, err = (os.fstat(stream.fileno()) for stream in (self.stdout, self.stderr))
        except (OSError, ValueError):
            return False  # streams in memory
        return self.stdout_is_terminal or os.path.samestat(out, err)

    # ---- stderr: messages ------------------------------------------------------------------------

    def write_stderr(self, text: str) -> None:
        """Write a text to stderr as it is; a full disk there does not change the exit code."""
        try:
            self.stderr.write(text)
            self.stderr.flush()
        except OSError:
            pass

    def print_stderr(self, text: str) -> None:
        """Print lines on stderr, without any secret, after the line of an answer."""
        self.end_open_line()
        self.write_stderr(self.redactor.redact(text).rstrip("\n") + "\n")

    def note(self, text: str) -> None:
        """Print a message on stderr after the name of the command."""
        self.print_stderr(f"{self.prog}: {text}")

    def warn(self, text: str) -> None:
        """Print a warning, unless ``-q`` was given."""
        if not self.is_quiet:
            self.note(text)

    def coloured(self, text: str, code: str) -> str:
        """Return a text in colour, if stderr is a terminal whose user wants colours."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.has_colours else text

    def print_problem(self, problem: Problem, output_format: str = "text") -> None:
        """Print why there is no answer: a line, and a JSON line if the output is JSON."""
        message = one_line(problem.message + provider_facts(problem))
        self.note(f"{self.coloured(problem.kind, '31')}: {message}")
        if output_format not in ("text", "raw"):
            line = compact(full_problem_json(problem, self.redactor))
            self.print_stderr(strip_controls(line) if self.stderr_is_terminal else line)

    def report(self, problem: Problem, output_format: str = "text") -> int:
        """Print why there is no answer, as an event too if events were asked for.

        Return the exit code.
        """
        if output_format == "events":
            self.write_json({"type": "error", **full_problem_json(problem, self.redactor)})
        self.print_problem(problem, output_format)
        return EXIT_CODES[problem.kind]


def strip_controls(text: str) -> str:
    """Return a text without the control sequences that a terminal would obey."""
    from loki.cli import ansi

    return ansi.strip_controls(text)
