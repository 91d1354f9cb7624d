"""What is done to DBOS's runs, in the ways that DBOS sanctions: its own client.

The client writes; it never reads what a run was given or gave, which may be a pickle.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from threading import Lock
from types import MappingProxyType
from typing import Any, Final, NamedTuple, cast
from uuid import UUID, uuid4, uuid5

from dbos import (
    DBOSClient,
    EnqueueOptions,
    SetWorkflowID,
    WorkflowSerializationFormat,
)
from dbos import error as dbos_error
from sqlalchemy import Engine

from data.clock import SECOND_MS
from data.db import Database
from data.exceptions import InvalidParamsError, InvalidRequestError
from data.rules import exact_json

#: The queue that every DBOS application listens to.
INTERNAL_QUEUE: Final = "_dbos_internal_queue"
#: What ids that are made of a key are told apart from others by.
_NEW_RUNS: Final = UUID("6f0ad9f6-6a44-4c3e-9d3b-6a1c54c9f1d0")
#: All their steps run again; finished ones are not kept.
_FIRST_STEP: Final = 1
#: Fork takes no priority, enqueue no assumed role.
NOT_COPIED: Final = (
    "priority (unless params are edited)",
    "assumed_role (if params are edited)",
)
#: Arguments of its ``enqueue``, beside which it takes those of the run.
_OWN_NAMES: Final = frozenset({"self", "options"})
#: Digits of a number that a message shows.
_SHOWN_DIGITS: Final = 60


class Arguments(NamedTuple):
    """What a run is called with."""

    positional: tuple[Any, ...] = ()
    named: Mapping[str, Any] = MappingProxyType({})


class Given(NamedTuple):
    """What one run was given beside its params; a run of the same job has its own."""

    #: 0 and None: none, which DBOS calls the highest
    priority: int | None = None
    partition: str | None = None
    timeout_ms: int | None = None
    user: str | None = None
    #: a list as JSON
    roles: str | None = None
    #: an object as JSON
    attributes: str | None = None


class Origin(NamedTuple):
    """What a new run is made of: what the old one was, and the id it gets."""

    queue: str | None = None
    class_name: str | None = None
    instance_name: str | None = None
    application: str | None = None
    given: Given = Given()
    #: "": any new one
    new_id: str = ""


class Control:
    """DBOS's client on the connections of our own ``Database``."""

    def __init__(self, database: Database, schema: str | None) -> None:
        self._db = database
        self._schema = schema
        self._made: tuple[Engine, DBOSClient] | None = None
        self._making = Lock()

    def enqueue(
        self,
        job_name: str,
        arguments: Arguments,
        origin: Origin,
        *,
        queue: str | None,
        delay_ms: int,
    ) -> str:
        """Make a run that waits, with these arguments, as JSON; its id.

        DBOS makes no second run of an id that is there.
        """
        run_id = origin.new_id or str(uuid4())
        options: EnqueueOptions = {
            "workflow_name": job_name,
            "queue_name": queue or origin.queue or INTERNAL_QUEUE,
            "workflow_id": run_id,
            "serialization_type": WorkflowSerializationFormat.PORTABLE,
        }
        if origin.class_name is not None:
            options["class_name"] = origin.class_name
        if origin.instance_name is not None:
            options["instance_name"] = origin.instance_name
        if origin.application is not None:
            options["application_name"] = origin.application
        if delay_ms > 0:
            options["delay_seconds"] = delay_ms / SECOND_MS
        options |= _options_of(origin.given)
        with self._client() as client:
            client.enqueue(options, *arguments.positional, **arguments.named)
        return run_id

    def cancel(self, run_ids: Sequence[str]) -> None:
        """Cancel what is open; code that runs stops at its next step only."""
        with self._client() as client:
            client.cancel_workflows([*run_ids])

    def resume(self, run_id: str, origin: Origin) -> str:
        """Let a cancelled run go on after its last finished step; its id."""
        with self._client() as client:
            client.resume_workflow(run_id, queue_name=origin.queue)
        return run_id

    def fork(self, run_id: str, origin: Origin) -> str:
        """A new run with the same input, whatever its format; the new id.

        DBOS copies user, roles and attributes by itself, and takes no priority. An id
        that is there is refused by its table's primary key.
        """
        with SetWorkflowID(origin.new_id or str(uuid4())), self._client() as client:
            forked = client.fork_workflow(
                run_id,
                _FIRST_STEP,
                queue_name=origin.queue,
                queue_partition_key=origin.given.partition,
                timeout_seconds=_seconds(origin.given.timeout_ms),
            )
        return str(forked.workflow_id)

    @contextmanager
    def _client(self) -> Iterator[DBOSClient]:
        with self._db.lent() as engine:
            try:
                yield self._client_on(engine)
            except dbos_error.DBOSException as error:
                message = f"{self._db.name}: DBOS refused: {_first_line(error)}"
                raise InvalidRequestError(message) from error

    def _client_on(self, engine: Engine) -> DBOSClient:
        with self._making:
            if self._made is None or self._made[0] is not engine:
                client = DBOSClient(
                    system_database_engine=engine,
                    dbos_system_schema=self._schema,
                    lazy=True,
                    retry_connection_errors=False,
                )
                self._made = (engine, client)
            return self._made[1]


def new_id_of(key: str, run_id: str = "") -> str:
    """The id of the run that this key makes of that run; without a key always another."""
    if not key:
        return str(uuid4())
    return str(uuid5(_NEW_RUNS, json.dumps([key, run_id])))


def origin_of(row: Sequence[Any] | None) -> Origin:
    """The row of ``select_origin``; without one nothing is known."""
    if not row:
        return Origin()
    at = len(row) - len(Given._fields)
    return Origin(*row[:at])._replace(given=Given(*row[at:]))


def arguments_of(params: str) -> Arguments:
    """The arguments that these params are, as DBOS's client takes them.

    All are named, unless the params are what ``readable_params`` shows of others. The
    client takes floats: raises InvalidParamsError for a number that is none, and for a
    name that is one of the client's own.
    """
    found: dict[str, Any] = json.loads(params, parse_float=_exact_float)
    made = Arguments(named=found)
    match found:
        case {"positionalArgs": list(positional), "namedArgs": dict(named)}:
            if len(found) == len(Arguments._fields):
                made = Arguments(tuple(positional), named)
    for name in _OWN_NAMES & made.named.keys():
        message = f'DBOS\'s client cannot pass an argument named "{name}".'
        raise InvalidParamsError(message)
    return made


def readable_params(text: str | None) -> str | None:
    """The arguments of a portable input as JSON: the named ones, or all of them."""
    if text is None:
        return None
    try:
        found = exact_json.loads(text)
    except (ValueError, RecursionError):
        return text
    match found:
        case {"positionalArgs": [] | None, "namedArgs": Mapping() as named}:
            return exact_json.dumps(named)
    return text


def readable_error(text: str | None) -> tuple[str | None, str | None]:
    """Class and message of a portable error."""
    if text is None:
        return None, None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None, text
    match found:
        case {"name": str(name), "message": str(message)}:
            return name, message
    return None, text


def _exact_float(text: str) -> float:
    """The float of this number; InvalidParamsError where there is none that equals it."""
    number = float(text)
    try:
        is_equal = Decimal(text) == Decimal(repr(number))
    except InvalidOperation:  # its exponent is beyond every computer
        is_equal = False
    if is_equal:
        return number
    shown = text if len(text) <= _SHOWN_DIGITS else f"{text[:_SHOWN_DIGITS]}…"
    message = (
        f"DBOS would change a number in the params: {shown} would become "
        f'{json.dumps(number)}. Write it as text: "{shown}".'
    )
    raise InvalidParamsError(message)


def _options_of(given: Given) -> EnqueueOptions:
    """What a run was given, as options; DBOS refuses a priority of 0."""
    options: dict[str, Any] = {
        "priority": given.priority or None,
        "queue_partition_key": given.partition,
        "workflow_timeout": _seconds(given.timeout_ms),
        "authenticated_user": given.user,
        "authenticated_roles": _read("authenticated_roles", given.roles, list),
        "attributes": _read("attributes", given.attributes, dict),
    }
    found = {name: value for name, value in options.items() if value is not None}
    return cast(EnqueueOptions, found)


def _seconds(timeout_ms: int | None) -> float | None:
    """A timeout as DBOS takes it: cut to whole milliseconds, it is what it was."""
    return (timeout_ms + 0.5) / SECOND_MS if timeout_ms else None


def _read(name: str, text: str | None, kind: type) -> Any:
    """A column with JSON, None for nothing; InvalidRequestError for anything else."""
    try:
        found = json.loads(text or "null")
    except ValueError:
        found = text
    if found is None or isinstance(found, kind):
        return found
    message = f"The {name} of this run cannot be read, so the new one would lack them."
    raise InvalidRequestError(message)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["it gave no reason"])[0][:300]
