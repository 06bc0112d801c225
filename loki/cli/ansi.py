r"""Text of somebody else's -> the same without what a terminal would obey.

Left out are escape sequences (ECMA-48) and the control characters of C0 and C1, but for newlines
and tabs: they could move the cursor, change the title or the clipboard, or hide what was said.
"""

from __future__ import annotations

import re
from collections.abc import Callable

LONGEST = 999  # characters of a sequence; what goes on longer was none

#: Parameters of a control sequence; what is between the ends of a string, such as a title.
PARAMETERS = rf"[0-?]{{0,{LONGEST}}}[ -/]{{0,9}}"
STRING = rf"[^\x07\x1b\x9c\n]{{0,{LONGEST}}}"
SEQUENCE = re.compile(
    rf"(?:\x1b\[|\x9b){PARAMETERS}[@-~]"
    rf"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]){STRING}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]{0,9}[0-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
#: The beginning of one, at the end of a text.
BEGUN = re.compile(
    rf"(?:(?:\x1b\[|\x9b){PARAMETERS}|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]){STRING}\x1b?"
    r"|\x1b[ -/]{0,9})\Z"
)


def harmless(text: str) -> str:
    r"""The text without control sequences and characters; lines and columns stay.

    >>> harmless("a\x1b[31mb\x1b]0;title\x07c\rd\x9b1me\tf\n")
    'abcde\tf\n'
    """
    return SEQUENCE.sub("", text)


def cleaner() -> Callable[[str], str]:
    r"""The same for a text in pieces: a sequence may begin in one and end in another.

    >>> clean = cleaner()
    >>> clean("a\x1b["), clean("31"), clean("mb")
    ('a', '', 'b')
    """
    held = [""]

    def clean(piece: str) -> str:
        whole = held[0] + piece
        begun = BEGUN.search(whole)
        cut = begun.start() if begun else len(whole)
        held[0] = whole[cut:]
        return harmless(whole[:cut])

    return clean
