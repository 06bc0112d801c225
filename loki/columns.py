"""Lines of cells -> lines of text in columns, no wider than a terminal where that can be."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def align_columns(lines: Sequence[Sequence[str]], right: Collection[int]) -> list[str]:
    """Return lines whose cells stand in columns; those of ``right`` are flush right.

    >>> align_columns([["a", "1", ""], ["bb", "20", "(x)"]], [1])
    ['a    1', 'bb  20  (x)']
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def fit_columns(
    lines: Sequence[Sequence[str]],
    right: Collection[int],
    spare: Sequence[int],
    width: int | None,
) -> list[str]:
    """Return lines in columns, without as many of the ``spare`` ones as make them fit ``width``.

    The first of ``spare`` goes first. None is any width.

    >>> lines = [["NAME", "N", "NOTE"], ["a", "20", "long"]]
    >>> fit_columns(lines, [1], [2], 14), fit_columns(lines, [1], [2], 13)
    (['NAME   N  NOTE', 'a     20  long'], ['NAME   N', 'a     20'])
    """
    found = align_columns(lines, right)
    for count in range(1, len(spare) + 1):
        if width is None or max(map(len, found), default=0) <= width:
            break
        kept = [i for i in range(len(lines[0])) if i not in spare[:count]]
        chosen = [[line[i] for i in kept] for line in lines]
        found = align_columns(chosen, [kept.index(i) for i in kept if i in right])
    return found
