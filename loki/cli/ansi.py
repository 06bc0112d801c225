r"""Text of a provider -> the same without the control sequences that a terminal would obey.

Removed are escape sequences (ECMA-48) and the control characters of C0 and C1, except newlines and
tabs: they could move the cursor, change the title or the clipboard, or hide text.
"""

from __future__ import annotations

import re

MAX_SEQUENCE = 999  # characters; what is longer is no control sequence

#: Parameters of a control sequence; what is between the ends of a string, such as a title.
PARAMETERS = rf"[0-?]{{0,{MAX_SEQUENCE}}}[ -/]{{0,9}}"
STRING = rf"[^\x07\x1b\x9c\n]{{0,{MAX_SEQUENCE}}}"
SEQUENCE = re.compile(
    rf"(?:\x1b\[|\x9b){PARAMETERS}[@-~]"
    rf"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]){STRING}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]{0,9}[0-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
#: An unfinished sequence at the end of a text.
UNFINISHED = re.compile(
    rf"(?:(?:\x1b\[|\x9b){PARAMETERS}|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]){STRING}\x1b?"
    r"|\x1b[ -/]{0,9})\Z"
)


def strip_controls(text: str) -> str:
    r"""Return a text without control sequences and characters; lines and columns stay.

    >>> strip_controls("a\x1b[31mb\x1b]0;title\x07c\rd\x9b1me\tf\n")
    'abcde\tf\n'
    """
    return SEQUENCE.sub("", text)


class ControlStripper:
    r"""strip_controls for a text in pieces: a sequence may begin in one and end in another.

    >>> stripper = ControlStripper()
    >>> stripper.feed("a\x1b["), stripper.feed("31"), stripper.feed("mb")
    ('a', '', 'b')
    """

    def __init__(self) -> None:
        self.unfinished = ""  # the beginning of a sequence, perhaps

    def feed(self, piece: str) -> str:
        """Return what of the text can be shown by now."""
        text = self.unfinished + piece
        match = UNFINISHED.search(text)
        end = match.start() if match else len(text)
        self.unfinished = text[end:]
        return strip_controls(text[:end])
