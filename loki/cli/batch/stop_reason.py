"""Why a run begins nothing more."""

from __future__ import annotations


class StopReason:
    """The reasons for which a run is to end, in the order in which they came.

    >>> stop = StopReason()
    >>> stop.is_set(), stop.set("SIGINT"), stop.is_set(), stop.first
    (False, None, True, 'SIGINT')
    """

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def set(self, reason: str) -> None:
        """Add a reason; signals may call this, whatever is held."""
        self.reasons.append(reason)

    def clear(self) -> None:
        """Forget the reasons: there was nothing left to stop."""
        self.reasons.clear()

    def is_set(self, reason: str | None = None) -> bool:
        """Return whether there is a reason, or this one."""
        return bool(self.reasons) if reason is None else reason in self.reasons

    @property
    def first(self) -> str:
        """The first reason, "" where there is none."""
        return self.reasons[0] if self.reasons else ""

    def is_only(self, reason: str) -> bool:
        """Return whether there is no other reason than this one, if any."""
        return set(self.reasons) <= {reason}
