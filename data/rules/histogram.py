"""How long runs took, as a histogram that can be added to others.

Percentiles of percentiles are wrong; counts in fixed buckets add up. A bucket is a tenth
wider than the one before it, so that a value read from it is at most 4.8 % off, from a
millisecond to 415 days. What is shorter is in the first bucket, what is longer in the last.

A stored histogram is n bytes, a bucket each in rising order, then n counts: unsigned,
32 bits, little-endian. No bytes are no runs.
"""

import math
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: How much wider a bucket is than the one before it.
GAMMA: Final = 1.1
LN_GAMMA: Final = math.log(GAMMA)
BUCKETS: Final = 256
LAST: Final = BUCKETS - 1
#: The largest count that is stored; more counts as this many.
MOST: Final = 2**32 - 1

#: Numbers by row and column.
Table = NDArray[np.float64]

_EACH: Final = 5
#: 95 % of 20 runs are 19, whatever floats say.
_ROUNDING: Final = 1e-9
_VALUES: Final = 2 * GAMMA ** np.arange(BUCKETS) / (1 + GAMMA)


def bucket_of(duration_ms: float) -> int:
    """Which bucket a run of this length is in. The databases count by the same rule."""
    if duration_ms <= 1:
        return 0
    return min(LAST, math.ceil(math.log(duration_ms) / LN_GAMMA))


def value_of(bucket: int) -> float:
    """The length in milliseconds that stands for all runs of a bucket."""
    return float(_VALUES[bucket])


def encode(counts: Mapping[int, int]) -> bytes:
    """Runs by bucket, as they are stored."""
    found = sorted((bucket, min(runs, MOST)) for bucket, runs in counts.items() if runs)
    return struct.pack(
        f"<{len(found)}B{len(found)}I",
        *(bucket for bucket, _ in found),
        *(runs for _, runs in found),
    )


def decode(stored: bytes) -> dict[int, int]:
    """Runs by bucket, of one stored histogram."""
    size = len(stored) // _EACH
    return dict(
        zip(stored[:size], struct.unpack(f"<{size}I", stored[size:]), strict=True)
    )


def merge(histograms: Iterable[bytes]) -> bytes:
    """One stored histogram of all of them."""
    several = [stored for stored in histograms if stored]
    if len(several) == 1:
        return several[0]
    total: Counter[int] = Counter()
    for stored in several:
        for bucket, runs in decode(stored).items():
            total[bucket] += runs
    return encode(total)


def stack(rows: Sequence[int], histograms: Sequence[bytes], size: int) -> Table:
    """Many stored histograms, added up in ``size`` rows: runs by row and bucket.

    ``rows`` says to which row each of them belongs.
    """
    lengths = [len(stored) // _EACH for stored in histograms]
    split = list(zip(histograms, lengths, strict=True))
    buckets = np.frombuffer(b"".join(s[:n] for s, n in split), dtype=np.uint8)
    counts = np.frombuffer(b"".join(s[n:] for s, n in split), dtype="<u4")
    places = np.repeat(np.asarray(rows, dtype=np.int64) * BUCKETS, lengths) + buckets
    total = np.bincount(places, weights=counts.astype(float), minlength=size * BUCKETS)
    return total.astype(float).reshape(size, BUCKETS)


def quantiles(counts: Table, parts: Sequence[float]) -> Table:
    """Lengths in milliseconds by row and part: so long at most took this part of the runs.

    ``counts`` is what ``stack`` gives; rows without runs give numbers without a meaning.
    """
    sums = np.cumsum(counts, axis=1)
    ranks = np.maximum(1, np.ceil(sums[:, -1:] * np.asarray(parts) - _ROUNDING))
    at = (sums[:, None, :] < ranks[:, :, None]).sum(axis=2)
    found: Table = _VALUES[np.minimum(at, LAST)]
    return found


def reaches(stored: bytes, duration_ms: int) -> bool:
    """Can there be a run longer than this? Never False when there is one."""
    size = len(stored) // _EACH
    return size > 0 and stored[size - 1] >= bucket_of(duration_ms)
