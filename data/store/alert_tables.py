"""The tables of alerts, as ``tables`` explains: rules, states, episodes, news, silences."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from data.store.tables import metadata, number, word

#: What somebody changed about a rule; JSON.
alert_rule: Final = Table(
    "alert_rule",
    metadata,
    Column("rule", word, nullable=False),
    Column("settings", word, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("changed_by", word, nullable=False),
    PrimaryKeyConstraint("rule", name="alert_rule_pkey"),
)

#: Where each alert stands; survives a restart. ``label`` is "" for a rule with one alert.
alert_state: Final = Table(
    "alert_state",
    metadata,
    Column("rule", word, nullable=False),
    Column("label", word, nullable=False),
    Column("state", word, nullable=False),
    #: first breach, epoch ms; None while inactive
    Column("active_at", BigInteger),
    Column("fired_at", BigInteger),
    #: recovered since, while it is kept firing
    Column("keep_since", BigInteger),
    Column("resolved_at", BigInteger),
    #: evaluations in a row without data
    Column("missing", BigInteger, nullable=False),
    Column("evaluated_at", BigInteger, nullable=False),
    Column("severity", word, nullable=False),
    Column("value", Float(53)),
    Column("sentence", word, nullable=False),
    Column("episode_id", BigInteger),
    PrimaryKeyConstraint("rule", "label", name="alert_state_pkey"),
)

#: One firing episode: an incident.
alert_episode: Final = Table(
    "alert_episode",
    metadata,
    Column("id", number, nullable=False),
    Column("rule", word, nullable=False),
    Column("label", word, nullable=False),
    Column("severity", word, nullable=False),
    Column("title", word, nullable=False),
    Column("sentence", word, nullable=False),
    #: the worst value
    Column("value", Float(53)),
    Column("active_at", BigInteger, nullable=False),
    Column("fired_at", BigInteger, nullable=False),
    Column("resolved_at", BigInteger),
    Column("acked_at", BigInteger),
    Column("acked_by", word, nullable=False),
    Column("ack_note", word, nullable=False),
    #: messages so far: 0 the first one, then escalations
    Column("step", BigInteger, nullable=False),
    #: when somebody was last told; None while nobody was, because of a silence say
    Column("told_at", BigInteger),
    PrimaryKeyConstraint("id", name="alert_episode_pkey"),
    Index("alert_episode_fired", "fired_at"),
    Index("alert_episode_open", "resolved_at"),
    sqlite_autoincrement=True,
)

#: What is to be told and was not handed over yet; ``body`` is JSON. Written together
#: with the state it comes from, so that a crash loses nothing.
alert_news: Final = Table(
    "alert_news",
    metadata,
    Column("id", number, nullable=False),
    Column("episode_id", BigInteger, nullable=False),
    Column("kind", word, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("body", word, nullable=False),
    PrimaryKeyConstraint("id", name="alert_news_pkey"),
    UniqueConstraint("episode_id", "kind", "step", name="alert_news_once"),
    sqlite_autoincrement=True,
)

#: Nobody is told of these alerts until then; ``rule`` "" means all.
alert_silence: Final = Table(
    "alert_silence",
    metadata,
    Column("id", number, nullable=False),
    Column("rule", word, nullable=False),
    Column("label", word, nullable=False),
    Column("reason", word, nullable=False),
    Column("made_by", word, nullable=False),
    Column("from_at", BigInteger, nullable=False),
    Column("until_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("id", name="alert_silence_pkey"),
    Index("alert_silence_until", "until_at"),
    sqlite_autoincrement=True,
)
