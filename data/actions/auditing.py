"""What is done is in the audit before it is done, and afterwards what came of it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from data.actions.outcomes import failed
from data.clock import Clock, now_ms
from data.exceptions import DataError, OutcomeUnknownError
from data.store import Store
from data.store.audit import AuditEntry, AuditLog


@contextmanager
def failures_concluded(
    audit: AuditLog, batch: str, run_ids: Iterable[str]
) -> Iterator[None]:
    """Have a failure in the audit, with the reason, unless nobody knows what came of it."""
    try:
        yield
    except OutcomeUnknownError:
        raise
    except DataError as error:
        audit.conclude(batch, failed(run_ids, error))
        raise


@contextmanager
def audited(
    store: Store, clock: Clock, actor: str, action: str, entry: AuditEntry
) -> Iterator[dict[str, object]]:
    """Do something, and have it in the audit: what it came to, or that it failed.

    ``entry.run_id`` says what it is done to.
    """
    batch = store.audit.open_batch(actor, "", action, [entry], now_ms(clock))
    after: dict[str, object] = {}
    with failures_concluded(store.audit, batch, [entry.run_id]):
        yield after
    store.audit.conclude(batch, {entry.run_id: ("done", after)})
