"""A call to a database: its deadline, whether it is worth a try, what its errors mean."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from data import deadlines
from data.circuit import Circuit, SilentError
from data.deadlines import Call, NoThreadError
from data.driver_errors import is_silence, translated
from data.exceptions import (
    DataError,
    SourceBusyError,
    SourceSilentError,
    SourceTooSlowError,
    StatementRefusedError,
)


class Calls:
    """The calls to one database, which people know as ``name``.

    ``hear`` is told of every error of the driver; none of ``secrets`` is ever said.
    """

    def __init__(
        self,
        name: str,
        hear: Callable[[SQLAlchemyError], None],
        *,
        secrets: Sequence[str] = (),
    ) -> None:
        self._name = name
        self._secrets = secrets
        self._hear = hear
        self.circuit = Circuit()

    @contextmanager
    def bounded(self, limit_s: float, done: str = "") -> Iterator[Call]:
        """One call that is cut when it hears nothing for ``limit_s`` seconds.

        ``done`` is what errors say of what was done. Raises DataError, and
        SourceSilentError at once while another thread tries a silent database.
        """
        try:
            with (
                self.circuit.trying(),
                deadlines.bounded(limit_s, self._expired) as call,
            ):
                try:
                    yield call
                except SQLAlchemyError as error:
                    self._hear(error)
                    raise self._meant(error, call, done) from error
                except (OverflowError, UnicodeError) as error:
                    message = f"a value does not fit the database ({error})."
                    raise StatementRefusedError(self._said(message, done)) from error
                except NoThreadError as error:
                    message = "no thread is left to connect in; try again."
                    raise SourceBusyError(self._said(message, done)) from error
                if not call.expired:
                    self.circuit.note_answer()
        except SilentError:
            message = "the database does not answer; it is being tried."
            raise SourceSilentError(self._said(message, done)) from None

    def _expired(self, call: Call) -> None:
        if call.silent:
            self.circuit.note_silence()

    def _said(self, message: str, done: str) -> str:
        return f"{self._name}: {message} {done}".strip()

    def _meant(self, error: SQLAlchemyError, call: Call, done: str) -> DataError:
        """The error of ours that ``error`` is."""
        if isinstance(error, PoolTimeoutError):  # the database was not even asked
            message = "too many questions at once; try again."
            return SourceBusyError(self._said(message, done))
        if call.expired:
            kind = SourceSilentError if call.silent else SourceTooSlowError
            return kind(self._said("the database did not answer in time.", done))
        if is_silence(error):
            self.circuit.note_silence()
        else:
            self.circuit.note_answer()
        return translated(error, self._name, done=done, secrets=self._secrets)
