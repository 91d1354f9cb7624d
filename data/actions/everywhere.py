"""An action on runs of several sources: one after the other, and one answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from hashlib import blake2b
from typing import Any, TypeVar

from data.actions.outcomes import Undone
from data.all_sources import ALL, by_source, joined
from data.exceptions import DataError, InvalidRequestError
from data.snapshot import Source

_T = TypeVar("_T")
#: Between the mark of a token for several sources and their tokens.
_SEPARATOR = ":"


def in_each(
    act: Callable[[str, list[str]], _T],
    run_ids: Sequence[str],
    sources: Mapping[str, Source],
    made: type[_T],
) -> _T:
    """Do ``act(source, ids)`` for each source; its outcomes as one, of class ``made``.

    Runs of a source that fails are reported as not reached. Raises its error when nothing
    was done anywhere, InvalidRequestError when no run of ours was named.
    """
    done: dict[str, Any] = {}
    failed: dict[str, DataError] = {}
    asked = by_source(run_ids, sources)
    if not asked:
        message = "No run was named."
        raise InvalidRequestError(message)
    for source, ids in asked.items():
        try:
            done[source] = act(source, ids)
        except DataError as error:
            failed[source] = error
    if not done:
        raise next(iter(failed.values()))
    merged = {
        field.name: _merged(field.name, done)
        for field in fields(next(iter(done.values())))
    }
    lost = {
        joined(source, run_id): str(error)
        for source, error in failed.items()
        for run_id in asked[source]
    }
    merged["not_reached"] += lost
    merged["reasons"] |= lost
    return made(**merged)


def joined_tokens(tokens: Sequence[str]) -> str:
    """One undo token for clean-ups in several sources."""
    return ALL + _SEPARATOR + ",".join(tokens)


def parted_tokens(token: str) -> list[str] | None:
    """The tokens that ``joined_tokens`` put together; None for one of one source."""
    head, separator, rest = token.partition(_SEPARATOR)
    return rest.split(",") if separator and head == ALL else None


def undone_together(done: Sequence[tuple[str, Undone]]) -> Undone:
    """What was undone in each source, as one; ids carry the name of their source."""
    parts = dict(done)
    return Undone(
        **{field.name: _merged(field.name, parts) for field in fields(Undone)}
    )


def number_in(once: str | None, source: str) -> str | None:
    """The number of a request for its part in one source."""
    if once is None:
        return None
    return blake2b(f"{once} {source}".encode(), digest_size=16).hexdigest()


def _merged(name: str, done: Mapping[str, Any]) -> Any:
    """One field of all outcomes: ids are renamed, tokens put side by side."""
    values = {source: getattr(outcome, name) for source, outcome in done.items()}
    known = [value for value in values.values() if value is not None]
    if name == "undo_token":
        return joined_tokens(known) if known else None
    if name == "undo_until":
        return min(known, default=None)
    if name == "reasons":
        return {
            joined(source, id_): why
            for source, reasons in values.items()
            for id_, why in reasons.items()
        }
    if isinstance(known[0], Mapping):
        return {
            joined(source, old): joined(source, new)
            for source, pairs in values.items()
            for old, new in pairs.items()
        }
    return [joined(source, id_) for source, ids in values.items() for id_ in ids]
