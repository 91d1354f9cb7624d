"""The only writer to job tables: start, cancel, run again, clean up, undo.

Every action looks again before it acts, repeats in its statement what the person
saw, leaves an audit row before and after, and reads again before it answers.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import Final

from data.actions import cancel, start
from data.actions.clean_up import (
    attempt_of,
    looked_again,
    mark,
    reason_of,
    seen_as,
    seen_of,
    ticked_of,
)
from data.actions.everywhere import (
    in_each,
    number_in,
    parted_tokens,
    undone_together,
)
from data.actions.idempotency import checked_once
from data.actions.outcomes import Cancelled, CleanUp, Retried, Undone
from data.actions.undo import UNDO_FOR_MS, put_back, undoable
from data.all_sources import ALL, joined
from data.clock import MINUTE_MS, Clock, now_ms
from data.engines.base import Remedy, Seen
from data.exceptions import (
    CapabilityMissingError,
    DataError,
    OutcomeUnknownError,
    SourceUnavailableError,
    UndoExpiredError,
    UnknownSourceError,
    nothing_done,
)
from data.rules.stalls import StallLimits
from data.snapshot import Source
from data.store import Store
from data.tracking import tracking
from data.tracking.events import params_of

__all__ = [
    "UNDO_FOR_MS",
    "Actions",
    "Cancelled",
    "CleanUp",
    "Retried",
    "Undone",
    "reason_of",
    "seen_as",
    "seen_of",
    "ticked_of",
]


#: A request that its process never ended may be made again after this long.
_ONCE_FOR_MS: Final = 5 * MINUTE_MS
#: So long a request waits for the same one to end, in seconds: a button clicked twice.
_SAME_LIMIT_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 0.5


class Actions:
    """Actions on the runs of all sources; the source ``ALL`` means several at once.

    ``changed`` is told the name of a source after each action.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        store: Store,
        *,
        limits: StallLimits,
        clock: Clock,
        changed: Callable[[str], object],
    ) -> None:
        self._sources = sources
        self._store = store
        self._limits = limits
        self._clock = clock
        self._changed = changed

    def clean_up(self, source: str, seen: Sequence[Seen], *, actor: str) -> CleanUp:
        """Mark these runs as failed where they are still stalled and still as seen.

        Raises UnknownSourceError, CapabilityMissingError, SourceUnavailableError, or
        OutcomeUnknownError when the database was lost and nobody knows what happened.
        """
        asked = {"run_ids": [run.run_id for run in seen]}
        with tracking("cleanupStalledJobs", source=source, params=asked):
            return self._clean_up(source, seen, actor=actor)

    def _clean_up(self, source: str, seen: Sequence[Seen], *, actor: str) -> CleanUp:
        if source == ALL:
            if not seen:
                return CleanUp()
            known = {run.run_id: run for run in seen}

            def part(name: str, ids: list[str]) -> CleanUp:
                runs = [known[joined(name, id_)]._replace(run_id=id_) for id_ in ids]
                return self.clean_up(name, runs, actor=actor)

            return in_each(part, [*known], self._sources, CleanUp)
        place = self._able(source)
        now = now_ms(self._clock)
        attempt = attempt_of(place, seen, actor=actor, now_ms=now, limits=self._limits)
        marked = mark(attempt, self._store)
        asked = list(dict.fromkeys(run.run_id for run in seen))
        left = [run_id for run_id in asked if run_id not in marked.done]
        finished, reasons = looked_again(place, left, marked)
        others = {*finished, *reasons}
        cleaned = [run_id for run_id in asked if run_id in marked.done]
        token = marked.token if cleaned and _can_undo(place) else ""
        self._changed(source)
        return CleanUp(
            cleaned=cleaned,
            cancelled=[] if _can_undo(place) else cleaned,
            finished_meanwhile=finished,
            came_back=[run_id for run_id in left if run_id not in others],
            not_reached=[run_id for run_id in left if run_id in reasons],
            reasons=reasons,
            undo_token=token or None,
            undo_until=now + UNDO_FOR_MS if token else None,
        )

    def undo(self, token: str, *, actor: str) -> Undone:
        """Put back what a clean-up marked, where nobody touched it since.

        Raises UndoExpiredError when the token is unknown, used, or too old.
        """
        with tracking("undo"):
            return self._undo(token, actor=actor)

    def _undo(self, token: str, *, actor: str) -> Undone:
        tokens = parted_tokens(token)
        if tokens is not None:
            return self._undo_each(tokens, actor=actor)
        return self._undo_of(token, actor=actor)[1]

    def _undo_each(self, tokens: Sequence[str], *, actor: str) -> Undone:
        """Each clean-up by itself: one that cannot be undone now keeps back no other.

        Raises an error when all of them fail, that of one which can be tried again first.
        """
        done: list[tuple[str, Undone]] = []
        errors: list[DataError] = []
        for token in [*dict.fromkeys(tokens)][: len(self._sources)]:
            try:
                done.append(self._undo_of(token, actor=actor))
            except UndoExpiredError as error:
                errors.append(error)
            except DataError as error:
                errors.insert(0, error)
                with suppress(DataError):  # what the others did is told all the same
                    done += self._out_of_reach(token, error)
        if errors and not any(one.restored or one.changed_since for _, one in done):
            raise errors[0]
        return undone_together(done)

    def _out_of_reach(self, token: str, error: DataError) -> list[tuple[str, Undone]]:
        rows = undoable(self._store.audit, token, now_ms(self._clock))
        reasons = {row.run_id: str(error) for row in rows}
        undone = Undone(not_reached=[*reasons], reasons=reasons)
        return [(rows[0].source, undone)]

    def _undo_of(self, token: str, *, actor: str) -> tuple[str, Undone]:
        """Undo one clean-up of one source: its name, and what was done."""
        now = now_ms(self._clock)
        rows = undoable(self._store.audit, token, now)
        place = self._able(rows[0].source)
        if not _can_undo(place):
            message = "Cancelled runs cannot be put back. Run them again instead."
            raise UndoExpiredError(message)
        undone = put_back(place, rows, self._store.audit, actor=actor, now_ms=now)
        self._changed(place.name)
        return place.name, undone

    def enqueue(
        self,
        source: str,
        job_name: str,
        params: str,
        *,
        queue: str | None = None,
        run_at_ms: int | None = None,
        actor: str,
        once: str | None = None,
    ) -> str:
        """Start a run of a job that this source knows; its id.

        ``params`` is the text of a JSON object. ``once`` is a number that the asker
        made up: the same one again starts nothing and gives the same id. Raises
        InvalidRequestError, UnknownJobError, and what ``clean_up`` raises.
        """
        asked = {"job_name": job_name, "params": params_of(params)}
        with tracking("enqueueJob", source=source, **asked):
            place = self._able(source, "enqueue")
            start.checked_name(job_name, "job name")
            if queue is not None:
                start.checked_name(queue, "queue")
            start.require_known(place, job_name, self._store)
            with self._only_once(checked_once(once)):
                run_id = start.enqueue(
                    place,
                    job_name,
                    params,
                    self._store.audit,
                    queue=queue,
                    run_at_ms=run_at_ms,
                    actor=actor,
                    now_ms=now_ms(self._clock),
                    once=once,
                )
        self._changed(source)
        return run_id

    def retry(
        self,
        source: str,
        run_ids: Sequence[str],
        *,
        params: str | None = None,
        actor: str,
        once: str | None = None,
    ) -> Retried:
        """Run finished runs again as new runs, with the same params or with ``params``.

        ``params`` and ``once`` as in ``enqueue``. Raises InvalidRequestError for no run,
        too many, or params that are no JSON object.
        """
        if source == ALL:
            return in_each(
                lambda name, ids: self.retry(
                    name,
                    ids,
                    params=params,
                    actor=actor,
                    once=number_in(once, name),
                ),
                run_ids,
                self._sources,
                Retried,
            )
        with tracking("retryJob", source=source, **_asked(run_ids, params)):
            place = self._able(source, "retry")
            with self._only_once(checked_once(once)):
                done = start.retry(
                    place,
                    run_ids,
                    self._store.audit,
                    params=params,
                    actor=actor,
                    now_ms=now_ms(self._clock),
                    once=once,
                )
        self._changed(source)
        return done

    def cancel(self, source: str, run_ids: Sequence[str], *, actor: str) -> Cancelled:
        """Call off what waits, ask what runs to stop.

        Raises InvalidRequestError for no run or too many, and what ``clean_up`` raises.
        """
        if source == ALL:
            return in_each(
                lambda name, ids: self.cancel(name, ids, actor=actor),
                run_ids,
                self._sources,
                Cancelled,
            )
        with tracking("cancelJob", source=source, **_asked(run_ids)):
            place = self._able(source, "cancel")
            now = now_ms(self._clock)
            audit = self._store.audit
            done = cancel.cancel(place, run_ids, audit, actor=actor, now_ms=now)
        self._changed(source)
        return done

    def known_jobs(self, source: str) -> list[str]:
        """The job types that this source has been seen with, sorted."""
        return start.known_jobs(self._able(source, "enqueue"), self._store)

    @contextmanager
    def _only_once(self, once: str | None) -> Iterator[None]:
        """Of two requests with one number the second waits for the first, in any process.

        Raises OutcomeUnknownError when the first takes long.
        """
        if once is None:
            yield
            return
        holder, name = token_hex(8), f"once {once}"
        if not self._acquire_soon(name, holder):
            message = "This was asked a moment ago and is under way: look again."
            raise OutcomeUnknownError(message)
        try:
            yield
        finally:
            with suppress(DataError):  # it lapses by itself; what was done is done
                self._store.leases.release(name, holder)

    def _acquire_soon(self, name: str, holder: str) -> bool:
        ends_at, pause_s = time.monotonic() + _SAME_LIMIT_S, _FIRST_PAUSE_S
        while not self._acquire(name, holder):
            if time.monotonic() >= ends_at:
                return False
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return True

    def _acquire(self, name: str, holder: str) -> bool:
        now = now_ms(self._clock)
        try:
            return self._store.leases.acquire(name, holder, now, _ONCE_FOR_MS)
        except DataError as error:
            raise nothing_done(error) from error

    def _able(self, name: str, capability: str = "clean_up") -> Source:
        """The source of that name, when this can be done to its runs."""
        if name not in self._sources:
            raise UnknownSourceError(name, sorted(self._sources))
        place = self._sources[name]
        known = place.reader.current()  # rights are known once the source was read
        if known.trouble:  # what is seen is old, and what is done might hang
            message = f"{known.trouble.message} Nothing was done."
            raise SourceUnavailableError(message)
        if not getattr(place.engine.capabilities, capability):
            raise CapabilityMissingError(place.engine.capabilities.why_not(capability))
        return place


def _asked(run_ids: Sequence[str], params: str | None = None) -> dict[str, object]:
    """What an error says of the runs that were asked for."""
    told: dict[str, object] = {"run_ids": [*run_ids]}
    if params is not None:
        told["params"] = params_of(params)
    run_id = run_ids[0] if len(run_ids) == 1 else None
    return {"run_id": run_id, "params": told}


def _can_undo(place: Source) -> bool:
    return place.engine.capabilities.remedy is Remedy.MARK_FAILED
