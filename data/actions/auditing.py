"""What is done to no run is in the audit before it is done, as what is done to runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from data.clock import Clock, now_ms
from data.exceptions import DataError, OutcomeUnknownError
from data.store import Store
from data.store.audit import AuditEntry


@contextmanager
def audited(
    store: Store, clock: Clock, actor: str, action: str, entry: AuditEntry
) -> Iterator[dict[str, object]]:
    """Do something, and have it in the audit: what it came to, or that it failed.

    ``entry.run_id`` says what it is done to.
    """
    batch = store.audit.open_batch(actor, "", action, [entry], now_ms(clock))
    after: dict[str, object] = {}
    try:
        yield after
    except OutcomeUnknownError:
        raise
    except DataError:
        store.audit.conclude(batch, {entry.run_id: ("failed", {})})
        raise
    store.audit.conclude(batch, {entry.run_id: ("done", after)})
