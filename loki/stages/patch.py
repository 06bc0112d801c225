"""4. Draft -> Draft: the user's own url, body and headers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce

from loki.json_text import Json, JsonObject
from loki.record import replace
from loki.records import Draft, Patch, Target


def patch(extra: tuple[Patch, ...] = ()) -> Callable[[Draft], Draft]:
    """Apply the model's patch, one of the client's, then the extra ones."""

    def stage(draft: Draft) -> Draft:
        for change in patches_for(draft.target, extra):
            draft = apply_patch(change, draft)
        return draft

    return stage


def patches_for(target: Target, extra: tuple[Patch, ...] = ()) -> tuple[Patch, ...]:
    """Return the patches of a request, in order; a pattern must match the whole model name."""
    own = (target.model.patch,) if target.model.patch else ()
    listed = target.client.patches.get(KINDS[target.model.type], ())
    first = next((p for pattern, p in listed if re.fullmatch(pattern, target.model.name)), None)
    return (*own, *((first,) if first else ()), *extra)


def apply_patch(patch: Patch, draft: Draft) -> Draft:
    """Return a draft with one patch applied."""
    body = draft.body if patch.body is None else merge_patch(draft.body, patch.body)
    set_or_not = {name.lower(): value is not None for name, value in patch.headers.items()}
    dropped = {name for name in draft.dropped if not set_or_not.get(name)}
    return replace(
        draft,
        url=patch.url or draft.url,
        body=with_one_limit(body, patch.body or {}),
        changes=add_change(draft.changes, patch.body or {}),
        headers=set_headers(draft.headers, patch.headers),
        dropped=frozenset(dropped | {name for name, is_set in set_or_not.items() if not is_set}),
    )


def changes_of(patches: Sequence[Patch]) -> JsonObject:
    """Return what patches, one after another, put into a body: one patch as good as all."""
    return reduce(add_change, (patch.body or {} for patch in patches), {})


def add_change(first: JsonObject, second: JsonObject) -> JsonObject:
    """Return one merge patch that does what two do in turn; null still takes away.

    >>> add_change({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"d": 3}})
    {'a': None, 'b': {'c': 2, 'd': 3}}
    """
    both = {
        name: add_change(first[name], value)
        for name, value in second.items()
        if isinstance(value, dict) and isinstance(first.get(name), dict)
    }
    return {**first, **second, **both}


def with_one_limit(body: Json, change: Json) -> Json:
    """Return a body without the other name of a limit that a patch sets: servers refuse both.

    >>> with_one_limit({"max_completion_tokens": 9, "max_tokens": 5}, {"max_tokens": 5})
    {'max_tokens': 5}
    """
    set_names = [name for name in LIMIT_NAMES if change.get(name) is not None]
    if len(set_names) != 1:
        return body
    return {key: value for key, value in body.items() if key not in LIMIT_NAMES or key in set_names}


def merge_patch(target: Json, change: Json) -> Json:
    """Return a JSON value with a merge patch applied (RFC 7396, section 2).

    >>> merge_patch({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"d": 3}})
    {'b': {'c': 2, 'd': 3}}
    """
    if not isinstance(change, dict):
        return change
    old = target if isinstance(target, dict) else {}
    unchanged = {name: value for name, value in old.items() if change.get(name, ...) is not None}
    new = {name: merge_patch(old.get(name), v) for name, v in change.items() if v is not None}
    return {**unchanged, **new}


def set_headers(headers: Mapping[str, str], changes: Mapping[str, str | None]) -> Mapping[str, str]:
    """Return headers with changes: set, or removed by None, whatever the case of their names.

    >>> set_headers({"User-Agent": "x", "A": "1"}, {"user-agent": None, "B": "2"})
    {'A': '1', 'B': '2'}
    """
    changed = {name.lower() for name in changes}
    unchanged = {name: value for name, value in headers.items() if name.lower() not in changed}
    return {**unchanged, **{name: value for name, value in changes.items() if value is not None}}


#: The two names of the longest answer in chat completions.
LIMIT_NAMES = ("max_tokens", "max_completion_tokens")

#: The client's patches for each type of model.
KINDS = {"chat": "chat_completions", "embedding": "embeddings", "reranker": "rerank"}
