"""A manual page as roff, as far as docutils writes it -> plain text, where there is no man."""

from __future__ import annotations

import re
from textwrap import wrap

MARGIN, HANGING = 7, 7  # columns: of all text, and of what a term introduces

#: Escapes of docutils' writer, and what they stand for.
ESCAPES = {
    r"\(aq": "'",
    r"\(dq": '"',
    r"\(bu": "•",
    r"\(ga": "`",
    r"\(ha": "^",
    r"\(ti": "~",
    r"\-": "-",
    r"\e": "\\",
    r"\&": "",
    r"\ ": " ",
}
ESCAPE = re.compile(r"\\f[BIPR]|\\\(..|\\.")
DEFINITION = re.compile(r"^\.de\d? .*?^\.\.$", re.DOTALL | re.MULTILINE)


def unescape(text: str) -> str:
    r"""Return a text without its escapes.

    >>> unescape(r"\fB\-m\fP it\(aqs C:\en")
    "-m it's C:\\n"
    """
    return ESCAPE.sub(lambda match: ESCAPES.get(match[0], ""), text)


class Reader:
    """Reads a page line by line; ``lines`` has the text so far."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[str] = []
        self.words: list[str] = []  # of the paragraph so far
        self.indents: list[int] = []
        self.hanging = 0  # more columns, after a term
        self.wants_term = self.is_literal = False

    def feed(self, line: str) -> None:
        """Read a line."""
        name, _, rest = line[1:].partition(" ")
        if not line.startswith((".", "'")):
            self.text(unescape(line))
        elif name == "B":
            self.text(unescape(rest))
        elif name in MACROS:
            self.end_paragraph()
            MACROS[name](self, unescape(rest).strip('"'))

    def text(self, line: str) -> None:
        """Read a line of text: of a paragraph, of an example, or a term."""
        if self.is_literal:
            self.lines.append(f"{' ' * self.margin}{line}".rstrip())
        elif self.wants_term:
            self.term(line)
        else:
            self.words.append(line)

    def term(self, line: str) -> None:
        """Read a term; what follows stands further in."""
        self.wants_term = False
        self.space()
        self.lines.append(f"{' ' * self.margin}{line}")
        self.hanging = HANGING

    @property
    def margin(self) -> int:
        """Return the columns before the text."""
        return MARGIN + sum(self.indents) + self.hanging

    def end_paragraph(self) -> None:
        """Write the paragraph so far."""
        indent = " " * self.margin
        self.lines += wrap(
            " ".join(self.words),
            self.width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_on_hyphens=False,
            break_long_words=False,
        )
        self.words = []

    def space(self) -> None:
        """Write an empty line, never two, and none after a heading."""
        if self.lines and self.lines[-1] and self.lines[-1].startswith(" " * MARGIN):
            self.lines.append("")

    def title(self, rest: str) -> None:
        """Write the first line of the page."""
        name, section, *_ = (*rest.replace('"', "").split(), "")
        self.lines.append(f"{name}({section})")

    def heading(self, rest: str) -> None:
        """Write a heading."""
        self.reset()
        self.lines += ["", rest] if self.lines[-1] else [rest]

    def subheading(self, rest: str) -> None:
        """Write a heading of a lower level."""
        self.reset()
        self.lines.append(f"   {rest}")

    def reset(self) -> None:
        """Begin at the margin."""
        self.space()
        self.indents, self.hanging = [], 0

    def paragraph(self, rest: str) -> None:
        """Begin a paragraph; right after a heading without an empty line."""
        self.space()

    def begin_term(self, rest: str) -> None:
        """Begin an entry: the next line is its term."""
        self.hanging, self.wants_term = 0, True

    def item(self, rest: str) -> None:
        """Begin an item of a list; its mark stands before its first word."""
        self.hanging = 0
        self.words = [rest.split()[0].strip('"')] if rest else []

    def indent(self, rest: str) -> None:
        """Go further in."""
        self.indents.append(round(float(rest or 0)))
        self.hanging = 0

    def unindent(self, rest: str) -> None:
        """Come back."""
        if self.indents:
            self.indents.pop()
        self.hanging = 0

    def begin_example(self, rest: str) -> None:
        """Begin lines that stay as they are."""
        self.space()
        self.is_literal = True

    def end_example(self, rest: str) -> None:
        """End lines that stay as they are."""
        self.is_literal = False
        self.space()


MACROS = {
    "TH": Reader.title,
    "SH": Reader.heading,
    "SS": Reader.subheading,
    "sp": Reader.paragraph,
    "TP": Reader.begin_term,
    "IP": Reader.item,
    "INDENT": Reader.indent,
    "UNINDENT": Reader.unindent,
    "EX": Reader.begin_example,
    "EE": Reader.end_example,
}


def to_text(page: str, width: int = 80) -> str:
    r"""Return a page as plain text.

    >>> print(to_text('.TH "a" "1"\n.SH NAME\na \\- do\n.sp\nMore.\n.TP\n.B \\fB\\-m\\fP\nit\n'))
    a(1)
    <BLANKLINE>
    NAME
           a - do
    <BLANKLINE>
           More.
    <BLANKLINE>
           -m
                  it
    <BLANKLINE>
    """
    reader = Reader(width)
    for line in DEFINITION.sub("", page).splitlines():
        reader.feed(line)
    reader.end_paragraph()
    return "\n".join(reader.lines).rstrip() + "\n"
