"""Every error the data layer raises.

DataError
├── SourceUnavailableError     the database cannot be reached; try later
│   ├── SourceTooSlowError     it did not answer in time; ask less often
│   ├── SourceSilentError      nothing was heard of it, not even a refusal
│   ├── SourceBusyError        somebody else holds a lock; nothing was done, try again
│   └── SourceFullError        no room: its disk, its memory, its connections
├── StatementRefusedError      it answers, and refused the statement: nothing was done
├── SchemaMismatchError        it answers, but a table or a column that is needed is not there
├── AccessDeniedError          it answers, but this user may not do that
├── CapabilityMissingError     this engine, or this user's rights on it, has no such action
├── UnknownSourceError         no source of that name is configured
├── UnknownRunError            no run of that id is in this source
├── UnknownJobError            this source has never seen a job of that name
├── UnknownErrorGroupError     no tracked error has this fingerprint
├── UnknownAlertError          no alert that fired has this number
├── InvalidRequestError        what was asked cannot be done as it was written
│   ├── InvalidParamsError     the params are no JSON object; line and column say where
│   └── ChangedMeanwhileError  somebody else changed it since it was looked at
├── UndoExpiredError           the undo token is unknown, used, or older than ten minutes
└── OutcomeUnknownError        the database was lost between the write and its answer: look again

Messages are sentences for the reader of the page: what, where, and what helps.
The driver's own error is kept as ``__cause__``; of it only its first sentence is shown,
without secrets.
"""

from collections.abc import Mapping


class DataError(Exception):
    """Base class: catch this at the edge (a view or a route), never deeper."""


class SourceUnavailableError(DataError):
    """The database cannot be reached; try later."""


class SourceTooSlowError(SourceUnavailableError):
    """It did not answer in time; ask less often."""


class SourceSilentError(SourceUnavailableError):
    """Nothing was heard of it before the deadline, not even a refusal."""


class SourceBusyError(SourceUnavailableError):
    """Somebody else holds a lock, or changed the same rows: try again."""


class SourceFullError(SourceUnavailableError):
    """It has no room left: on its disk, in its memory, or for connections."""


class StatementRefusedError(DataError):
    """It refused the statement: a type, a constraint, a view. Nothing was done."""


class SchemaMismatchError(DataError):
    """A needed table or column is not there; ``mend`` is the command that helps."""

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.mend = mend


class AccessDeniedError(DataError):
    """This user may not do that; ``mend`` is the command that helps."""

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.mend = mend


class CapabilityMissingError(DataError):
    """This engine, or this user's rights on it, has no such action."""


class UnknownSourceError(DataError):
    """No source of that name is configured."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"There is no source {name!r}. Sources: {', '.join(known)}.")


class UnknownRunError(DataError):
    """No run of that id is in this source."""


class UnknownJobError(DataError):
    """This source has never seen a job of that name."""


class UnknownErrorGroupError(DataError):
    """No tracked error has this fingerprint."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__(
            f"There is no error {fingerprint[:40]!r}. It may be forgotten."
        )


class UnknownAlertError(DataError):
    """No alert that fired has this number; it may be forgotten."""

    def __init__(self, id_: int) -> None:
        super().__init__(f"There is no alert {id_}. It may be forgotten.")


class InvalidRequestError(DataError):
    """What was asked cannot be done as it was written."""


class InvalidParamsError(InvalidRequestError):
    """The params are no JSON object; ``line`` and ``column`` count from 1."""

    def __init__(
        self, message: str, *, line: int | None = None, column: int | None = None
    ) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class ChangedMeanwhileError(InvalidRequestError):
    """Somebody else changed it since it was looked at; ``now`` is how it is."""

    def __init__(self, message: str, now: Mapping[str, object]) -> None:
        super().__init__(message)
        self.now = dict(now)


class UndoExpiredError(DataError):
    """The undo token is unknown, used, or older than ten minutes."""


class OutcomeUnknownError(DataError):
    """The database was lost between the write and its answer."""


def nothing_done(error: DataError) -> DataError:
    """``error`` of the record that comes before an action: the action was not begun."""
    kind = type(error)
    if isinstance(error, OutcomeUnknownError):
        kind = SourceUnavailableError
    return kind(f"Nothing was done: it has to be written down first. {error}")
