"""The shapes of what programs send and get."""

import re
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from dashboard.views.audit import AuditView
from dashboard.views.runs import RunView

_HALF_A_PAIR: Final = re.compile("[\ud800-\udfff]")


class SourceAnswer(BaseModel):
    """One configured source."""

    name: str
    label: str
    #: what can be done to its runs
    actions: list[str]
    #: why some actions are missing, "" when none is
    reason: str


class SourcesAnswer(BaseModel):
    """Every configured source."""

    sources: list[SourceAnswer]


class RunsAnswer(BaseModel):
    """Some runs, newest first."""

    runs: list[RunView]
    #: where to go on: hand it back as ``after``; null at the end
    next: str | None
    #: epoch ms; a search that was stopped looked back to here, null when it was not
    searched_to: int | None = None
    #: of all sources: why the runs of some are not among these, a sentence each
    missing: list[str] = []


class StepAnswer(BaseModel):
    """A part of a run; instants are epoch ms."""

    name: str
    started_at: int | None
    finished_at: int | None
    failed: bool


class RunAnswer(BaseModel):
    """One run with its texts; each is cut after 200,000 characters."""

    run: RunView
    max_attempts: int | None
    #: JSON text as it is stored
    params: str | None
    result: str | None
    error_type: str | None
    error: str | None
    #: which of these were cut
    cut: list[str]
    #: which of these are in a binary format, which is never opened
    binary: list[str]
    #: what the engine remembers of its parts, in the order they began
    steps: list[StepAnswer]


class AuditAnswer(BaseModel):
    """Some of the audit, newest first."""

    audit: list[AuditView]
    #: where to go on: hand it back as ``after``; null at the end
    next: int | None


class Started(BaseModel):
    """A run was started."""

    run_id: str


class CancelledAnswer(BaseModel):
    """What became of each run that was to be cancelled."""

    cancelled: list[str]
    asked: list[str]
    finished_meanwhile: list[str]
    unknown: list[str]
    #: locked, refused, or out of reach; ``reasons`` says why
    not_reached: list[str]
    #: by run id of those not reached: why, a sentence
    reasons: dict[str, str]


class RetriedAnswer(BaseModel):
    """What became of each run that was to be run again."""

    #: by old id the new one
    started: dict[str, str]
    not_finished: list[str]
    unknown: list[str]
    #: locked, refused, or out of reach; ``reasons`` says why
    not_reached: list[str]
    #: by run id of those not reached: why, a sentence
    reasons: dict[str, str]


class CleanedAnswer(BaseModel):
    """What became of each stalled run."""

    cleaned: list[str]
    #: of these, those whose engine knows cancel only; the others are marked as failed
    cancelled: list[str]
    finished_meanwhile: list[str]
    came_back: list[str]
    #: locked, refused, or out of reach; ``reasons`` says why
    not_reached: list[str]
    #: by run id of those not reached: why, a sentence
    reasons: dict[str, str]
    undo_token: str | None
    #: epoch ms
    undo_until: int | None


class UndoneAnswer(BaseModel):
    """What became of each run of a clean-up that was undone."""

    restored: list[str]
    changed_since: list[str]
    #: locked, refused, or out of reach: the same token tries again
    not_reached: list[str]
    #: by run id of those not reached: why, a sentence
    reasons: dict[str, str]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def _can_be_repeated(cls, value: Any) -> Any:
        """No answer could repeat such a text; an action is not done before that shows."""
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and _HALF_A_PAIR.search(text):
                message = "it holds half of a surrogate pair, which is no text"
                raise ValueError(message)
        return value


class RetryAsked(_Asked):
    """Finished runs that are to be run again."""

    source: str
    run_ids: list[str] = Field(min_length=1, max_length=10_000)
    #: in place of their own
    params: dict[str, Any] | None = None
    #: a number made up by the asker: the same again does nothing twice
    once: str | None = Field(default=None, pattern="^[A-Za-z0-9_-]{16,64}$")


class CancelAsked(_Asked):
    """Runs that are to be cancelled."""

    source: str
    run_ids: list[str] = Field(min_length=1, max_length=10_000)


class StartAsked(_Asked):
    """A run that is to be started."""

    source: str
    job_name: str = Field(min_length=1, max_length=500)
    params: dict[str, Any] = {}
    queue: str | None = Field(default=None, min_length=1, max_length=500)
    #: epoch ms, not before this instant
    run_at: int | None = Field(default=None, ge=0, le=253_402_214_400_000)
    once: str | None = Field(default=None, pattern="^[A-Za-z0-9_-]{16,64}$")


class CleanUpAsked(_Asked):
    """Stalled runs that are to be marked as failed; without ``run_ids`` those not alive."""

    source: str
    run_ids: list[str] | None = Field(default=None, min_length=1, max_length=10_000)


class UndoAsked(_Asked):
    """The clean-up that is to be undone."""

    undo_token: str
