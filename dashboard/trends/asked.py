"""What is asked for, and what stands beside the charts."""

from collections.abc import Mapping
from typing import Final, TypedDict

from dashboard.deps import Deps
from dashboard.views.trends import Question
from dashboard.views.trends_range import span_of
from dashboard.views.trends_viewers import ReportView, report_view
from data.all_sources import ALL
from data.clock import DAY_MS

#: Job types that are offered, most used first, and how far back they are looked for.
_OFFERED: Final = 500
_OFFERED_MS: Final = 90 * DAY_MS
#: What a report of a page that stood still is filed under.
_NOT_UPDATING: Final = "not_updating"
_LONGEST_NAME: Final = 500


class ProgressView(TypedDict):
    """How far the first reading of a source is."""

    percent: int
    words: str


def question_of(deps: Deps, words: Mapping[str, object], now: int) -> Question:
    """What the words of a URL ask for.

    Raises InvalidRequestError for a range that makes no sense, UnknownSourceError.
    """
    said = {
        name: value.strip() if isinstance(value, str) else ""
        for name, value in words.items()
    }
    span = span_of(said.get("range"), said.get("from"), said.get("to"), now)
    source = _source_of(deps, said.get("source"))
    return Question(span, source, said.get("job", "")[:_LONGEST_NAME])


def known_jobs(deps: Deps, source: str | None, now: int) -> list[str]:
    """The job types that finished in the last ninety days, by name."""
    name = _source_of(deps, source)
    return sorted(deps.store.trends.top_jobs(name, now - _OFFERED_MS, now, _OFFERED))


def reports(deps: Deps, question: Question) -> list[ReportView]:
    """Who said that a page was not updating in the range, newest first."""
    labels = {name: source.label for name, source in deps.sources.items()}
    span = question.span
    return [
        report_view(one.at, labels.get(one.source, one.source), confirmed=one.confirmed)
        for one in deps.store.viewing.reports(span.since, span.until)
        if one.category == _NOT_UPDATING
    ]


def progress(deps: Deps, source: str) -> ProgressView | None:
    """How far the history was read; None when all of it was."""
    done = deps.store.trends.progress(source)
    if done is None:
        return None
    share = int(100 * done)
    words = f"The history is read, newest day first: {share} % of it is in the charts."
    return ProgressView(percent=share, words=words)


def trouble_words(deps: Deps, source: str) -> str:
    """Why what finished lately may be missing, "" when nothing is in the way."""
    place = deps.place(source or ALL)
    trouble = place.reader.latest.trouble
    if trouble is None:
        return ""
    where = trouble.where or place.label
    return f"{where} cannot be read: what finished lately is missing. {trouble.message}"


def _source_of(deps: Deps, word: str | None) -> str:
    return "" if word == ALL else deps.place(word).name
