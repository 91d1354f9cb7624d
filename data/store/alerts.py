"""Alerts: where each stands, what fired when, who was told to be quiet.

What an alert became and what is to be told of it are written in one transaction, by
whoever finds it as it was read: of two processes one, and a crash loses nothing.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from data.db import Database
from data.exceptions import InvalidRequestError
from data.model import AlertNews, AlertState, Severity
from data.rules.alarms import checked, differing, rule_of
from data.rules.alerts import AlertEpisode, Silence, Standing
from data.store.alert_tables import (
    alert_episode,
    alert_news,
    alert_rule,
    alert_silence,
    alert_state,
)
from data.store.error_tables import error_day, error_group
from data.store.texts import storable
from data.store.upserts import insert_into

#: Of an explanation that somebody types so much is kept, in characters.
NOTE_LENGTH: Final = 1_000

_s: Final = alert_state.c
_e: Final = alert_episode.c
_q: Final = alert_silence.c
_EPISODE: Final = tuple(_e[name] for name in AlertEpisode._fields)
_STATE: Final = tuple(_s[name] for name in Standing._fields if name in _s)
_KEY: Final = (_s.rule, _s.label)
#: Rules whose labels are a source, or begin with one.
_BY_SOURCE: Final = ("SourceDown", "CriticalStalled", "CriticalFailed")
#: The alert that stands for those beyond the most of a rule.
OTHERS: Final = "others"


class Move(NamedTuple):
    """What became of one alert."""

    before: Standing
    after: Standing
    #: what its episode is called
    title: str = ""
    #: what is to be told; the number of a new episode is not known yet
    news: AlertNews | None = None
    #: the alert need not be remembered
    gone: bool = False


class Waiting(NamedTuple):
    """News that was not handed over yet."""

    id: int
    news: AlertNews


Decide = Callable[[Sequence[Standing], Sequence[Silence]], Sequence[Move]]


class AlertLog:
    """The alerts of all sources."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def settings(self) -> dict[str, dict[str, object]]:
        """What people changed, by rule: only what is not as it is by itself."""
        rows = self._db.fetch(select(alert_rule.c.rule, alert_rule.c.settings))
        return {rule: json.loads(settings) for rule, settings in rows}

    def change(
        self, rule: str, settings: Mapping[str, object], *, by: str, at_ms: int
    ) -> None:
        """Judge by these from now on; what is left out is as it is by itself.

        Raises InvalidRequestError.
        """
        values = differing(rule, checked(rule, settings))
        row = {
            "settings": json.dumps(values),
            "changed_at": at_ms,
            "changed_by": storable(by),
        }
        changed = insert_into(alert_rule, self._db.dialect).values(rule=rule, **row)
        with self._db.writing() as connection:
            connection.execute(
                changed.on_conflict_do_update(
                    index_elements=[alert_rule.c.rule], set_=row
                )
            )

    def standings(self, source: str = "") -> list[Standing]:
        """Every alert that is remembered, with the episode that goes on.

        With ``source`` those that concern it, or no source.
        """
        with self._db.reading() as connection:
            return _standings(connection, source)

    def episodes(
        self,
        *,
        since: int = 0,
        limit: int = 100,
        before: int | None = None,
        rule: str = "",
        source: str = "",
    ) -> list[AlertEpisode]:
        """Episodes that fired since then, newest first; ``before`` is an id.

        With ``source`` those that concern it, or no source.
        """
        wanted = [_e.fired_at >= since, *_of_source(_e, source)]
        if before is not None:
            wanted.append(_e.id < before)
        if rule:
            wanted.append(_e.rule == storable(rule))
        statement = select(*_EPISODE).where(*wanted)
        newest = statement.order_by(_e.id.desc()).limit(limit)
        return [_to_episode(row) for row in self._db.fetch(newest)]

    def acknowledge(self, episode_id: int, *, by: str, note: str, at_ms: int) -> None:
        """Somebody looks after it: nobody else is told until it is over.

        Raises InvalidRequestError when it is over or unknown, or somebody else did.
        """
        nobody_else = or_(_e.acked_at.is_(None), _e.acked_by == storable(by))
        seen = (
            update(alert_episode)
            .where(_e.id == episode_id, _e.resolved_at.is_(None), nobody_else)
            .values(
                acked_at=at_ms,
                acked_by=storable(by),
                ack_note=storable(note)[:NOTE_LENGTH],
            )
        )
        with self._db.writing() as connection:
            if not connection.execute(seen).rowcount:
                message = "This alert is over, unknown, or somebody else sees to it."
                raise InvalidRequestError(message)

    def silences(self, now_ms: int) -> list[Silence]:
        """Silences that are not over, the one that ends first at first."""
        return [_to_silence(row) for row in self._db.fetch(_silences_at(now_ms))]

    def silence(
        self,
        rule: str,
        label: str,
        *,
        reason: str,
        by: str,
        from_ms: int,
        until_ms: int,
    ) -> int:
        """Tell nobody of these alerts for that time; the number of the silence.

        Rule "" means every rule, label "" every alert of the rule. Raises
        InvalidRequestError.
        """
        if rule:
            rule_of(rule)
        if until_ms <= from_ms:
            message = "A silence must end after it begins."
            raise InvalidRequestError(message)
        if not reason.strip():
            message = "A silence needs a reason, for those who wonder later."
            raise InvalidRequestError(message)
        values = {
            "rule": rule,
            "label": storable(label),
            "reason": storable(reason.strip())[:NOTE_LENGTH],
            "made_by": storable(by),
            "from_at": from_ms,
            "until_at": until_ms,
        }
        made = insert(alert_silence).values(values).returning(_q.id)
        with self._db.writing() as connection:
            return int(connection.execute(made).scalar_one())

    def end_silence(self, id_: int, at_ms: int) -> None:
        """Be silent no longer. Raises InvalidRequestError when it is over or unknown."""
        ended = (
            update(alert_silence)
            .where(_q.id == id_, _q.until_at > at_ms)
            .values(until_at=at_ms)
        )
        with self._db.writing() as connection:
            if not connection.execute(ended).rowcount:
                message = "This silence is over, or unknown."
                raise InvalidRequestError(message)

    def advance(self, decide: Decide, now_ms: int) -> None:
        """Read where alerts stand, let ``decide`` say what becomes of them, write that.

        An alert that somebody else moved meanwhile is left as it is.
        """
        with self._db.writing() as connection:
            quiet = connection.execute(_silences_at(now_ms)).all()
            moves = decide(_standings(connection), [_to_silence(row) for row in quiet])
            # in one order for all, so that nobody deadlocks
            for move in sorted(moves, key=lambda one: one.after[:2]):
                if self._claim(connection, move):
                    _write(connection, move)

    def waiting(self) -> list[Waiting]:
        """News that were not handed over yet, oldest first."""
        c = alert_news.c
        statement = select(c.id, c.body).order_by(c.id)
        return [Waiting(id_, _to_news(body)) for id_, body in self._db.fetch(statement)]

    def note_told(self, id_: int) -> None:
        """These news were handed over."""
        with self._db.writing() as connection:
            connection.execute(delete(alert_news).where(alert_news.c.id == id_))

    def prune(self, before_ms: int) -> int:
        """Forget episodes that were over before then; how many."""
        with self._db.writing() as connection:
            connection.execute(delete(alert_silence).where(_q.until_at < before_ms))
            old = delete(alert_episode).where(_e.resolved_at < before_ms)
            return connection.execute(old).rowcount

    def _claim(self, connection: Connection, move: Move) -> bool:
        """Move the alert on; False when it is not as it was any more."""
        key = {"rule": move.after.rule, "label": storable(move.after.label)}
        mine = [_s[name] == value for name, value in key.items()]
        if move.gone:
            gone = delete(alert_state).where(*mine, *_as_before(move.before))
            return connection.execute(gone).rowcount == 1
        values = _values(move.after)
        if move.before.evaluated_at == 0:
            new = insert_into(alert_state, self._db.dialect).values(**key, **values)
            claim = new.on_conflict_do_nothing().returning(_s.rule)
            return connection.execute(claim).first() is not None
        moved = update(alert_state).where(*mine, *_as_before(move.before))
        return connection.execute(moved.values(**values)).rowcount == 1


def _write(connection: Connection, move: Move) -> None:
    """The episode, and what is to be told of it."""
    episode = move.after.episode
    if episode is None:
        return
    id_ = episode.id or _open(connection, move, episode)
    connection.execute(
        update(alert_episode)
        .where(_e.id == id_)
        .values(
            severity=episode.severity.value,
            sentence=storable(episode.sentence),
            value=episode.value,
            resolved_at=episode.resolved_at,
            step=episode.step,
            told_at=episode.told_at,
        )
    )
    if move.news:
        news = move.news._replace(episode_id=id_)
        connection.execute(
            insert(alert_news).values(
                episode_id=id_,
                kind=news.kind,
                step=news.step,
                body=json.dumps(news._asdict()),
            )
        )


def _open(connection: Connection, move: Move, episode: AlertEpisode) -> int:
    values = {
        **episode._asdict(),
        "severity": episode.severity.value,
        "title": storable(move.title),
        "sentence": storable(episode.sentence),
        "label": storable(episode.label),
    }
    del values["id"]
    made = insert(alert_episode).values(values).returning(_e.id)
    id_ = int(connection.execute(made).scalar_one())
    connection.execute(
        update(alert_state)
        .where(_s.rule == episode.rule, _s.label == values["label"])
        .values(episode_id=id_)
    )
    return id_


def _standings(connection: Connection, source: str = "") -> list[Standing]:
    wanted = select(*_STATE).where(*_of_source(_s, source)).order_by(*_KEY)
    rows = connection.execute(wanted).all()
    open_ = select(*_EPISODE).where(_e.resolved_at.is_(None))
    episodes = {row[0]: _to_episode(row) for row in connection.execute(open_)}
    return [_to_standing(row, episodes) for row in rows]


def _of_source(columns: Any, source: str) -> list[ColumnElement[bool]]:
    """Does an alert concern this source, or none? Labels begin with the source.

    An error concerns the sources that it happened in; one that is forgotten, none.
    """
    if not source:
        return []
    rule, label = columns.rule, columns.label
    name = storable(source)
    root = func.coalesce(error_group.c.merged_into, error_group.c.fingerprint)
    known = select(root).distinct()
    own = known.join(error_day, error_day.c.fingerprint == error_group.c.fingerprint)
    own = own.where(error_day.c.source.in_((name, "")))
    is_error = rule == "NewErrorGroup"
    return [
        or_(
            rule.not_in(["NewErrorGroup", *_BY_SOURCE]),
            label == OTHERS,
            rule.in_(_BY_SOURCE) & (label == name),
            rule.in_(_BY_SOURCE) & label.startswith(f"{name}/", autoescape=True),
            is_error & (label.in_(own) | label.not_in(known)),
        )
    ]


def _to_standing(row: Any, episodes: Mapping[int, AlertEpisode]) -> Standing:
    found = Standing(*row)
    return found._replace(
        state=AlertState(found.state),
        severity=Severity(found.severity),
        episode=episodes.get(found.episode_id or 0),
    )


def _to_episode(row: Any) -> AlertEpisode:
    found = AlertEpisode(*row)
    return found._replace(severity=Severity(found.severity))


def _to_silence(row: Any) -> Silence:
    return Silence(*row)


def _to_news(body: str) -> AlertNews:
    found = AlertNews(**json.loads(body))
    return found._replace(severity=Severity(found.severity))


def _silences_at(now_ms: int) -> Select[*tuple[Any, ...]]:
    columns = (_q[name] for name in Silence._fields)
    return select(*columns).where(_q.until_at > now_ms).order_by(_q.until_at, _q.id)


def _values(standing: Standing) -> dict[str, object]:
    moved = [column.name for column in _STATE if column.name not in {"rule", "label"}]
    return {
        **{name: getattr(standing, name) for name in moved},
        "state": standing.state.value,
        "severity": standing.severity.value,
        "sentence": storable(standing.sentence),
    }


def _as_before(before: Standing) -> list[ColumnElement[bool]]:
    """Nobody evaluated it since, nor moved it at the same instant."""
    return [
        _s.evaluated_at == before.evaluated_at,
        _s.state == before.state.value,
        _s.active_at.is_not_distinct_from(before.active_at),
        _s.missing == before.missing,
    ]
