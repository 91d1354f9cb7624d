"""Runs by worker: what is stored can be added up, and never grows without bound."""

from collections import Counter
from random import Random

from data.rules.by_worker import CAP, NOBODY, OTHERS, added_up, decode, encode, merge


def test_the_busiest_are_kept_apart_and_no_run_is_lost() -> None:
    runs = {f"pod-{n}": n for n in range(1, 2 * CAP + 1)}

    kept = decode(encode(runs))

    assert len(kept) == CAP + 1
    assert sum(kept.values()) == sum(runs.values())
    assert kept[OTHERS] == sum(range(1, CAP + 1))
    assert min(n for name, n in kept.items() if name != OTHERS) == CAP + 1


def test_added_up_they_are_as_if_they_had_been_counted_together() -> None:
    dice = Random(7)
    several = [
        Counter(f"w{dice.randrange(CAP)}" for _ in range(100)) for _ in range(24)
    ]

    assert merge(map(encode, several)) == encode(sum(several, Counter()))


def test_others_stay_others_when_they_are_added_up() -> None:
    many = encode({f"pod-{n}": 1 for n in range(CAP + 5)})

    assert added_up([many, many])[OTHERS] == 10
    assert sum(decode(merge([many, many])).values()) == 2 * (CAP + 5)


def test_equal_counts_are_equal_texts() -> None:
    assert encode({"b": 1, "a": 2}) == encode({"a": 2, "b": 1})
    tied = {f"pod-{n}": 1 for n in range(3 * CAP)}
    assert encode(tied) == encode(dict(reversed(tied.items())))


def test_nobody_and_odd_names() -> None:
    assert encode({}) == encode({"": 3}) == merge([]) == NOBODY
    long = "x" * 10_000
    stored = encode({long: 1, long + "y": 2, "\x00\ud800": 4})
    assert len(stored) < 200
    assert sorted(decode(stored).values()) == [3, 4]
    stored.encode()
