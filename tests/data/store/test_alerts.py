"""Alerts are kept over restarts, moved by one process, and told of once."""

from collections.abc import Sequence
from threading import Barrier, Thread

import pytest
from sqlalchemy import text

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.exceptions import DataError, InvalidRequestError
from data.model import AlertNews, AlertState, Severity
from data.rules.alerts import AlertEpisode, Silence, Standing
from data.store import Store, open_store
from data.store.alerts import NOTE_LENGTH, Move
from tests.factories import NOW

RULE = "SourceDown"


def firing(label: str = "orders", at: int = NOW) -> Standing:
    """An alert that has just fired."""
    episode = AlertEpisode(
        0,
        RULE,
        label,
        Severity.CRITICAL,
        "",
        "down",
        60.0,
        at - MINUTE_MS,
        at,
        told_at=at,
    )
    return Standing(
        RULE,
        label,
        AlertState.FIRING,
        active_at=at - MINUTE_MS,
        fired_at=at,
        evaluated_at=at,
        severity=Severity.CRITICAL,
        value=60.0,
        sentence="down",
        episode=episode,
    )


def news(kind: str = "fired", at: int = NOW) -> AlertNews:
    return AlertNews(
        kind, RULE, "orders", Severity.CRITICAL, "Down", "down", 0, 0, at, "/", "orders"
    )


def fire(store: Store, at: int = NOW, label: str = "orders") -> int:
    """Let an alert fire; the number of its episode."""
    move = Move(Standing(RULE, label), firing(label, at), "Down", news(at=at))
    store.alerts.advance(lambda *_: [move], at)
    [standing] = [one for one in store.alerts.standings() if one.label == label]
    assert standing.episode_id
    return standing.episode_id


def resolve(store: Store, at: int) -> None:
    def decide(standings: Sequence[Standing], _quiet: Sequence[Silence]) -> list[Move]:
        [before] = standings
        assert before.episode
        over = before._replace(
            state=AlertState.RESOLVED,
            resolved_at=at,
            evaluated_at=at,
            episode_id=None,
            episode=before.episode._replace(resolved_at=at),
        )
        told = news("resolved", at)._replace(episode_id=before.episode.id)
        return [Move(before, over, "Down", told)]

    store.alerts.advance(decide, at)


# what people set


def test_what_people_change_is_kept_and_only_that(store: Store) -> None:
    assert store.alerts.settings() == {}
    store.alerts.change(
        "StalledFrequency", {"fire": "4", "resolve": 1}, by="ada", at_ms=NOW
    )
    assert store.alerts.settings() == {"StalledFrequency": {"fire": 4}}

    store.alerts.change("StalledFrequency", {"enabled": 0}, by="bob", at_ms=NOW + 1)
    assert store.alerts.settings() == {"StalledFrequency": {"enabled": 0}}
    rows = store.database.fetch(text("SELECT changed_at, changed_by FROM alert_rule"))
    assert [tuple(row) for row in rows] == [(NOW + 1, "bob")]


def test_what_makes_no_sense_is_not_kept(store: Store) -> None:
    with pytest.raises(InvalidRequestError):
        store.alerts.change("StalledFrequency", {"fire": -1}, by="ada", at_ms=NOW)
    with pytest.raises(InvalidRequestError):
        store.alerts.change("Nonsense", {}, by="ada", at_ms=NOW)
    assert store.alerts.settings() == {}


# what became of alerts


def test_an_alert_is_as_it_was_after_a_restart(store_url: str) -> None:
    first = open_store(store_url)
    id_ = fire(first)
    [before] = first.alerts.standings()
    first.close()

    second = open_store(store_url)
    assert second.alerts.standings() == [before]
    assert before.episode
    assert before == firing()._replace(episode_id=id_, episode=before.episode)
    assert before.episode == firing().episode._replace(id=id_, title="Down")  # type: ignore[union-attr]
    second.close()


def test_news_wait_until_they_were_handed_over(store: Store) -> None:
    id_ = fire(store)
    [waiting] = store.alerts.waiting()
    assert waiting.news == news()._replace(episode_id=id_)
    assert waiting.news.severity is Severity.CRITICAL

    store.alerts.note_told(waiting.id)
    assert store.alerts.waiting() == []


def test_an_episode_that_is_over_is_no_longer_the_alerts(store: Store) -> None:
    id_ = fire(store)
    resolve(store, NOW + HOUR_MS)

    [standing] = store.alerts.standings()
    assert (standing.episode_id, standing.episode) == (None, None)
    [episode] = store.alerts.episodes()
    assert (episode.id, episode.resolved_at) == (id_, NOW + HOUR_MS)
    assert [one.news.kind for one in store.alerts.waiting()] == ["fired", "resolved"]


def test_a_crash_while_it_is_written_leaves_nothing_behind(store: Store) -> None:
    def crash(*_: object) -> list[Move]:
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        store.alerts.advance(crash, NOW)
    broken = Move(Standing(RULE, "a"), firing("a"), "Down", news())
    unknown = Move(Standing(RULE, "b"), firing("b")._replace(missing=None))  # type: ignore[arg-type]
    with pytest.raises(DataError):
        store.alerts.advance(lambda *_: [broken, unknown], NOW)

    assert store.alerts.standings() == []
    assert store.alerts.episodes() == []
    assert store.alerts.waiting() == []


@pytest.mark.parametrize("known", [False, True])
def test_of_processes_that_move_the_same_alert_one_does(
    store: Store, store_url: str, *, known: bool
) -> None:
    """Both read before either writes, as two leaders may for a moment."""
    before = Standing(RULE, "orders")
    if known:
        before = before._replace(evaluated_at=NOW - 1)
        store.alerts.advance(
            lambda *_: [Move(Standing(RULE, "orders"), before)], NOW - 1
        )
    others = [open_store(store_url) for _ in range(4)]
    start = Barrier(len(others))

    def move(place: Store) -> None:
        start.wait()
        moved = Move(before, firing(), "Down", news())
        place.alerts.advance(lambda *_: [moved], NOW)

    moving = [Thread(target=move, args=(other,)) for other in others]
    for thread in moving:
        thread.start()
    for thread in moving:
        thread.join()
    for other in others:
        other.close()

    assert len(store.alerts.standings()) == 1
    assert len(store.alerts.episodes()) == 1
    assert len(store.alerts.waiting()) == 1


def test_alerts_that_need_not_be_remembered_are_forgotten(store: Store) -> None:
    fire(store)
    [before] = store.alerts.standings()
    gone = Move(before, before._replace(evaluated_at=NOW + 1), gone=True)
    stale = Move(before._replace(missing=7), before, gone=True)
    store.alerts.advance(lambda *_: [stale], NOW + 1)
    assert len(store.alerts.standings()) == 1

    store.alerts.advance(lambda *_: [gone], NOW + 1)
    assert store.alerts.standings() == []


def test_episodes_are_listed_newest_first_in_pages(store: Store) -> None:
    ids = [fire(store, NOW + n, f"s{n}") for n in range(5)]

    assert [one.id for one in store.alerts.episodes(limit=2)] == ids[:2:-1]
    page = store.alerts.episodes(limit=2, before=ids[3])
    assert [one.id for one in page] == [ids[2], ids[1]]
    assert [one.id for one in store.alerts.episodes(since=NOW + 3)] == ids[:2:-1]
    assert store.alerts.episodes(rule="TelemetryDead") == []


def test_labels_and_sentences_that_no_database_takes_are_kept_all_the_same(
    store: Store,
) -> None:
    odd = "nul\0 half \ud83d <script>"
    after = firing(odd)._replace(sentence=odd)
    store.alerts.advance(lambda *_: [Move(Standing(RULE, odd), after, odd)], NOW)

    [standing] = store.alerts.standings()
    assert standing.episode
    assert standing.label == standing.episode.label == "nul\ufffd half \ufffd <script>"


# acknowledging


def test_whoever_sees_to_an_alert_is_kept_and_no_evaluation_forgets_it(
    store: Store,
) -> None:
    id_ = fire(store)
    store.alerts.acknowledge(id_, by="ada", note="n" * 9_999, at_ms=NOW + 1)

    def decide(standings: Sequence[Standing], _quiet: Sequence[Silence]) -> list[Move]:
        [before] = standings
        assert before.episode
        assert before.episode.acked_by == "ada"
        return [Move(before, before._replace(evaluated_at=NOW + 2))]

    store.alerts.advance(decide, NOW + 2)
    [episode] = store.alerts.episodes()
    assert (episode.acked_at, episode.acked_by) == (NOW + 1, "ada")
    assert episode.ack_note == "n" * NOTE_LENGTH


def test_what_is_over_or_unknown_needs_nobody(store: Store) -> None:
    id_ = fire(store)
    resolve(store, NOW + 1)
    for wrong in (id_, id_ + 1):
        with pytest.raises(InvalidRequestError, match="is over"):
            store.alerts.acknowledge(wrong, by="ada", note="", at_ms=NOW)


# silences


def silence(store: Store, **changes: object) -> int:
    values: dict[str, object] = {
        "rule": RULE,
        "label": "",
        "reason": " moving house ",
        "by": "ada",
        "from_ms": NOW,
        "until_ms": NOW + HOUR_MS,
        **changes,
    }
    return store.alerts.silence(values.pop("rule"), values.pop("label"), **values)  # type: ignore[arg-type]


def test_silences_are_listed_until_they_end(store: Store) -> None:
    later = silence(store, rule="", from_ms=NOW + DAY_MS, until_ms=NOW + 2 * DAY_MS)
    id_ = silence(store)

    assert store.alerts.silences(NOW) == [
        Silence(id_, RULE, "", "moving house", "ada", NOW, NOW + HOUR_MS),
        Silence(later, "", "", "moving house", "ada", NOW + DAY_MS, NOW + 2 * DAY_MS),
    ]
    assert [one.id for one in store.alerts.silences(NOW + HOUR_MS)] == [later]

    store.alerts.end_silence(later, NOW)
    assert [one.id for one in store.alerts.silences(NOW)] == [id_]
    with pytest.raises(InvalidRequestError, match="is over"):
        store.alerts.end_silence(later, NOW)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"until_ms": NOW}, "must end after it begins"),
        ({"reason": "  "}, "needs a reason"),
        ({"rule": "Nonsense"}, "There is no rule"),
    ],
)
def test_a_silence_must_make_sense(
    store: Store, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        silence(store, **changes)
    assert store.alerts.silences(NOW) == []


def test_what_decides_is_told_of_the_silences(store: Store) -> None:
    id_ = silence(store)
    seen: list[int] = []

    def decide(_before: Sequence[Standing], quiet: Sequence[Silence]) -> list[Move]:
        seen.extend(one.id for one in quiet)
        return []

    store.alerts.advance(decide, NOW)
    assert seen == [id_]


def test_old_episodes_and_silences_are_forgotten_and_open_ones_stay(
    store: Store,
) -> None:
    fire(store)
    resolve(store, NOW + 1)
    open_id = fire(store, NOW + 2, "others")
    silence(store)

    assert store.alerts.prune(NOW + 1) == 0
    assert store.alerts.prune(NOW + DAY_MS) == 1
    assert [one.id for one in store.alerts.episodes()] == [open_id]
    assert store.alerts.silences(0) == []
