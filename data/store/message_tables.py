"""The tables of messages, as ``tables`` explains: channels, and what went through them."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from data.store.tables import metadata, number, word

#: Where messages go, as people added it on the page; the address holds secrets.
channel: Final = Table(
    "channel",
    metadata,
    Column("id", number, nullable=False),
    Column("name", word, nullable=False),
    Column("url", word, nullable=False),
    Column("min_severity", word, nullable=False),
    #: "22:00-07:00 Europe/Berlin", "" for none
    Column("quiet", word, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("made_by", word, nullable=False),
    PrimaryKeyConstraint("id", name="channel_pkey"),
    sqlite_autoincrement=True,
)

#: One message to one channel. ``key`` says what it is about: the same is sent once.
delivery: Final = Table(
    "delivery",
    metadata,
    Column("id", number, nullable=False),
    Column("channel", word, nullable=False),
    Column("key", word, nullable=False),
    #: "episode:12": what is over is not told of any more
    Column("about", word, nullable=False),
    #: "alert", "escalation", "resolved", "critical", "summary", "test"
    Column("kind", word, nullable=False),
    Column("severity", word, nullable=False),
    Column("title", word, nullable=False),
    Column("body", word, nullable=False),
    #: see data.rules.messages
    Column("state", word, nullable=False),
    Column("tries", BigInteger, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    #: not before this instant: quiet hours, the pause between tries
    Column("due_at", BigInteger, nullable=False),
    #: since when it is being sent, or when it was
    Column("done_at", BigInteger),
    #: who is sending it
    Column("holder", word, nullable=False),
    Column("problem", word, nullable=False),
    #: a PNG
    Column("picture", LargeBinary),
    PrimaryKeyConstraint("id", name="delivery_pkey"),
    UniqueConstraint("channel", "key", name="delivery_once"),
    Index("delivery_due", "state", "due_at"),
    Index("delivery_made", "made_at"),
    Index("delivery_about", "about"),
    sqlite_autoincrement=True,
)
