"""Instants that are not milliseconds: a worker wrote seconds, microseconds, nanoseconds.

Read as milliseconds they lie in January 1970, or tens of thousands of years ahead. Nothing
is judged by them; it is said which unit they seem to be in.
"""

from typing import Final

from data.model import Anomaly, Job

#: Seconds of 1973 and of 5138; as milliseconds these are 2 January 1970 and 1973.
_FIRST_SECONDS: Final = 100_000_000
FIRST_MS: Final = 100_000_000_000
#: Behind the year 9999 in milliseconds: microseconds from 1978 on, then nanoseconds.
END_MS: Final = 260_000_000_000_000
_FIRST_NANOSECONDS: Final = END_MS * 1_000

#: What helps, by what is wrong.
FIXES: Final = {
    Anomaly.SECONDS: "Multiply every instant by 1000 where it is written.",
    Anomaly.MICROSECONDS: "Divide every instant by 1000 where it is written.",
    Anomaly.NANOSECONDS: "Divide every instant by 1000000 where it is written.",
}


def unit_of(instant: int | None) -> Anomaly | None:
    """In which unit an instant seems to be that is not in milliseconds; None when it is."""
    if instant is None or FIRST_MS <= instant < END_MS or instant < _FIRST_SECONDS:
        return None
    if instant < FIRST_MS:
        return Anomaly.SECONDS
    return Anomaly.MICROSECONDS if instant < _FIRST_NANOSECONDS else Anomaly.NANOSECONDS


def wrong_unit(job: Job) -> Anomaly | None:
    """The unit of the first of a run's instants that is not in milliseconds.

    Thousands of runs are asked about at each read: nearly all are passed by at a glance.
    """
    begun, beat, queued = job.started_at, job.heartbeat_at, job.enqueued_at
    if (
        (begun is None or FIRST_MS <= begun < END_MS)
        and (beat is None or FIRST_MS <= beat < END_MS)
        and (queued is None or FIRST_MS <= queued < END_MS)
        and job.scheduled_at is job.finished_at is None
    ):
        return None
    instants = (begun, beat, queued, job.scheduled_at, job.finished_at)
    return next((unit for one in instants if (unit := unit_of(one))), None)
