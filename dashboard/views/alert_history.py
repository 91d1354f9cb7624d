"""Past and present episodes of alerts as lines, and as cells of a CSV."""

from typing import Final, NamedTuple

from dashboard.format import duration, shorten
from dashboard.views.alerts import NAME, TEXT, Tell, cause_of
from data.clock import from_ms
from data.model import Severity
from data.rules.alarms import RULES
from data.rules.alerts import AlertEpisode

#: Episodes of one page of the list.
PAGE: Final = 25
#: What the choice of a rule says that asks for nothing.
ANY: Final = "any"
COLUMNS: Final = (
    *("id", "rule", "label", "severity", "title", "sentence", "value"),
    *("active_at", "fired_at", "resolved_at", "detected_ms", "resolved_ms"),
    *("acked_at", "acked_by", "ack_note"),
)
_TONES: Final = {
    Severity.INFO: "busy",
    Severity.WARNING: "warn",
    Severity.CRITICAL: "bad",
}


class EpisodeView(NamedTuple):
    """One time that an alert fired."""

    id: int
    title: str
    sentence: str
    severity: str
    tone: str
    fired_at: int
    resolved_at: int | None
    #: from the first breach until it fired, and until it was over
    detected: str
    resolved: str
    acked_by: str
    acked_at: int | None
    note: str
    cause: tuple[str, str]


def episode_view(episode: AlertEpisode, tell: Tell) -> EpisodeView:
    """An episode as a line; one of a rule that is no more has no cause to show."""
    rule = RULES.get(episode.rule)
    over = episode.resolved_at
    return EpisodeView(
        id=episode.id,
        title=shorten(episode.title, TEXT),
        sentence=shorten(episode.sentence, TEXT),
        severity=episode.severity.capitalize(),
        tone=_TONES[episode.severity],
        fired_at=episode.fired_at,
        resolved_at=over,
        detected=duration(episode.fired_at - episode.active_at),
        resolved="" if over is None else duration(over - episode.active_at),
        acked_by=shorten(episode.acked_by, NAME),
        acked_at=episode.acked_at,
        note=shorten(episode.ack_note, TEXT),
        cause=cause_of(rule.name, tell(rule, episode.label)) if rule else ("", ""),
    )


def episode_cells(episode: AlertEpisode) -> list[str]:
    """One line of the CSV, in the order of ``COLUMNS``; instants are UTC."""
    over = episode.resolved_at
    cells = {
        **episode._asdict(),
        "detected_ms": episode.fired_at - episode.active_at,
        "resolved_ms": None if over is None else over - episode.active_at,
        **{
            name: _utc(getattr(episode, name)) for name in COLUMNS if name[-3:] == "_at"
        },
    }
    return ["" if cells[name] is None else str(cells[name]) for name in COLUMNS]


def _utc(at_ms: int | None) -> str:
    if at_ms is None:
        return ""
    return from_ms(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
