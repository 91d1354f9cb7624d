"""Messages: the channels they go through, and each one that was sent."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Update,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from data.db import Database
from data.model import Severity
from data.rules.messages import (
    GROUP_MS,
    Delivery,
    DeliveryState,
    Kind,
    Message,
    Outlet,
)
from data.store.message_tables import channel, delivery
from data.store.texts import storable
from data.store.upserts import insert_into

_d: Final = delivery.c
_MOST_AT_ONCE: Final = 1_000
#: What was, or may have been, sent.
_GONE: Final = (DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.UNKNOWN)
_COLUMNS: Final = [_d[name] for name in Delivery._fields]


class MessageLog:
    """Channels and deliveries."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def outlets(self) -> list[Outlet]:
        """What people added, in that order."""
        rows = self._db.fetch(select(channel).order_by(channel.c.id))
        return [_to_outlet(row) for row in rows]

    def add_outlet(self, outlet: Outlet) -> int:
        """Keep it; its number, which is its key from now on."""
        values = {
            "name": storable(outlet.name),
            "url": outlet.url,
            "min_severity": outlet.min_severity.value,
            "quiet": outlet.quiet,
            "enabled": outlet.enabled,
            "made_at": outlet.made_at,
            "made_by": storable(outlet.made_by),
        }
        statement = insert(channel).values(values).returning(channel.c.id)
        with self._db.writing() as connection:
            return int(connection.execute(statement).scalar_one())

    def remove_outlet(self, id_: int) -> None:
        """Forget it; what waits for it is dropped."""
        with self._db.writing() as connection:
            connection.execute(delete(channel).where(channel.c.id == id_))
            connection.execute(_dropped().where(*_waiting_for(id_)))

    def switch_outlet(self, id_: int, *, enabled: bool) -> None:
        """Let it rest, or go on; what waits for one that rests is dropped."""
        statement = update(channel).where(channel.c.id == id_).values(enabled=enabled)
        with self._db.writing() as connection:
            connection.execute(statement)
            if not enabled:
                connection.execute(_dropped().where(*_waiting_for(id_)))

    def write(self, message: Message, due: Mapping[str, int], now_ms: int) -> None:
        """Have it sent to the channels in ``due``, not before the instants there.

        A channel that was told the same key before is left out.
        """
        with self._db.writing() as connection:
            self._write(connection, message, due, now_ms)

    def resolve(self, message: Message, due: Mapping[str, int], now_ms: int) -> None:
        """``write`` to those who got, or may have got, a message about the same.

        What still waits is dropped: of something that is over nobody is told.
        """
        about = _d.about == message.about, _d.kind != Kind.RESOLVED
        waiting = _d.state == DeliveryState.WAITING
        tried = _dropped().where(*about, waiting).returning(_d.channel, _d.tries)
        gone = select(_d.channel).where(*about, _d.state.in_(_GONE))
        with self._db.writing() as connection:
            know = {name for name, tries in connection.execute(tried) if tries}
            know.update(connection.execute(gone).scalars())
            told = {name: at for name, at in due.items() if name in know}
            self._write(connection, message, told, now_ms)

    def due(self, now_ms: int) -> list[Delivery]:
        """What waits and may go, and all that is being sent; oldest first."""
        is_due = and_(_d.state == DeliveryState.WAITING, _d.due_at <= now_ms)
        statement = select(*_COLUMNS).where(
            or_(is_due, _d.state == DeliveryState.SENDING)
        )
        return self._fetch(statement.order_by(_d.id).limit(_MOST_AT_ONCE))

    def last_sent(self, now_ms: int) -> dict[str, int]:
        """When each channel got its last message that was no critical one, no test.

        Only of the last ``GROUP_MS``.
        """
        statement = (
            select(_d.channel, func.max(_d.done_at))
            .where(
                _d.state.in_(_GONE),
                _d.done_at > now_ms - GROUP_MS,
                _d.severity != Severity.CRITICAL,
                _d.kind != Kind.TEST,
            )
            .group_by(_d.channel)
        )
        return {name: int(at) for name, at in self._db.fetch(statement)}

    def claim(self, ids: Collection[int], holder: str, now_ms: int) -> set[int]:
        """Which of these ``holder`` may send: those that nobody else took."""
        statement = (
            update(delivery)
            .where(_d.id.in_(sorted(ids)), _d.state == DeliveryState.WAITING)
            .values(
                state=DeliveryState.SENDING.value,
                holder=holder,
                done_at=now_ms,
                tries=_d.tries + 1,
            )
            .returning(_d.id)
        )
        with self._db.writing() as connection:
            return set(connection.execute(statement).scalars())

    def sent(self, ids: Collection[int], holder: str, now_ms: int) -> None:
        """They arrived, maybe later than ``holder`` waited for."""
        mine = _d.id.in_(sorted(ids)), _d.holder == holder
        statement = (
            update(delivery)
            .where(*mine)
            .values(state=DeliveryState.SENT.value, done_at=now_ms, problem="")
        )
        with self._db.writing() as connection:
            connection.execute(statement)

    def failed(
        self, ids: Collection[int], holder: str, problem: str, *, at_ms: int
    ) -> None:
        """They did not arrive, and are given up."""
        self._failed(ids, holder, problem, state=DeliveryState.FAILED, done_at=at_ms)

    def again(
        self, ids: Collection[int], holder: str, problem: str, *, due_ms: int
    ) -> None:
        """They did not arrive, and are tried again; not what is over meanwhile."""
        self._failed(
            ids,
            holder,
            problem,
            state=DeliveryState.WAITING,
            due_at=due_ms,
            done_at=None,
        )

    def lose(self, ids: Collection[int], problem: str) -> None:
        """Whoever was sending them is gone: nobody knows whether they arrived."""
        statement = (
            update(delivery)
            .where(_d.id.in_(sorted(ids)), _d.state == DeliveryState.SENDING)
            .values(state=DeliveryState.UNKNOWN.value, problem=problem)
        )
        with self._db.writing() as connection:
            connection.execute(statement)

    def drop(self, ids: Collection[int]) -> None:
        """Nobody is told of them."""
        mine = _d.id.in_(sorted(ids)), _d.state == DeliveryState.WAITING
        with self._db.writing() as connection:
            connection.execute(_dropped().where(*mine))

    def page(self, limit: int) -> list[Delivery]:
        """The newest deliveries, newest first."""
        return self._fetch(select(*_COLUMNS).order_by(_d.id.desc()).limit(limit))

    def problems(self) -> dict[str, str]:
        """Why the last message of each channel did not arrive, "" where it did."""
        ended = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNKNOWN)
        last = select(func.max(_d.id)).where(_d.state.in_(ended)).group_by(_d.channel)
        statement = select(_d.channel, _d.problem).where(_d.id.in_(last))
        return {row.channel: row.problem for row in self._db.fetch(statement)}

    def prune(self, before_ms: int) -> int:
        """Forget deliveries that were made before then; how many."""
        with self._db.writing() as connection:
            old = delete(delivery).where(_d.made_at < before_ms)
            return connection.execute(old).rowcount

    def _fetch(self, statement: Select[*tuple[Any, ...]]) -> list[Delivery]:
        return [_to_delivery(row) for row in self._db.fetch(statement)]

    def _write(
        self,
        connection: Connection,
        message: Message,
        due: Mapping[str, int],
        now_ms: int,
    ) -> None:
        rows = [
            {
                "channel": name,
                "key": message.key,
                "about": message.about,
                "kind": message.kind.value,
                "severity": message.severity.value,
                "title": storable(message.title),
                "body": storable(message.body),
                "state": DeliveryState.WAITING.value,
                "tries": 0,
                "made_at": now_ms,
                "due_at": due_ms,
                "holder": "",
                "problem": "",
                "picture": message.picture,
            }
            for name, due_ms in sorted(due.items())
        ]
        if rows:
            once = insert_into(delivery, self._db.dialect).on_conflict_do_nothing()
            connection.execute(once, rows)

    def _failed(
        self,
        ids: Collection[int],
        holder: str,
        problem: str,
        *,
        state: DeliveryState,
        **values: int | None,
    ) -> None:
        held = _d.holder == holder, _d.state == DeliveryState.SENDING
        mine = _d.id.in_(sorted(ids)), *held
        values_ = {"state": state.value, "problem": storable(problem), **values}
        over = delivery.alias()
        is_over = select(over.c.id).where(
            over.c.about == _d.about,
            over.c.about != "",
            over.c.channel == _d.channel,
            over.c.kind == Kind.RESOLVED,
        )
        late = (
            _d.id.in_(sorted(ids)),
            _d.state == DeliveryState.WAITING,
            _d.kind != Kind.RESOLVED,
            is_over.exists(),
        )
        with self._db.writing() as connection:
            connection.execute(update(delivery).where(*mine).values(values_))
            connection.execute(_dropped().where(*late))


def _waiting_for(id_: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _d.channel == str(id_), _d.state == DeliveryState.WAITING


def _dropped() -> Update:
    return update(delivery).values(state=DeliveryState.DROPPED.value)


def _to_outlet(row: Row[*tuple[Any, ...]]) -> Outlet:
    return Outlet(
        str(row.id),
        row.name,
        row.url,
        Severity(row.min_severity),
        row.quiet,
        row.enabled,
        row.made_at,
        row.made_by,
    )


def _to_delivery(row: Row[*tuple[Any, ...]]) -> Delivery:
    found = Delivery(*row)
    return found._replace(
        kind=Kind(found.kind),
        severity=Severity(found.severity),
        state=DeliveryState(found.state),
    )
