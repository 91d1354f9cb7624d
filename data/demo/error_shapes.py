"""The sixty kinds of error the demo's jobs run into."""

from itertools import chain
from typing import Final, NamedTuple

#: Class and message by family; ``{n}`` small, ``{id}`` and ``{key}`` differ run by run.
_MESSAGES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "http": (
        ("httpx.ReadTimeout", "The read operation timed out after {n} s"),
        ("httpx.ConnectTimeout", "timed out connecting to inventory:{n}"),
        ("httpx.ConnectError", "[Errno 111] Connection refused"),
        ("httpx.RemoteProtocolError", "Server disconnected without a response"),
        ("httpx.HTTPStatusError", "Server error '503' for url 'https://api/v2/{id}'"),
        ("httpx.HTTPStatusError", "Client error '404' for url 'https://api/v2/{id}'"),
        ("httpx.HTTPStatusError", "Too many requests, retry after {n} s"),
        ("httpx.PoolTimeout", "no free connection, {n} in use"),
        ("ssl.SSLError", "certificate verify failed: certificate has expired"),
        ("json.JSONDecodeError", "Expecting value: line 1 column {n}"),
    ),
    "sql": (
        (
            "psycopg.errors.DeadlockDetected",
            "process {id} waits for ShareLock on {key}",
        ),
        (
            "psycopg.errors.SerializationFailure",
            "could not serialize access to order {id}",
        ),
        ("psycopg.errors.UniqueViolation", "duplicate key value: (order_id)=({id})"),
        ("psycopg.errors.ForeignKeyViolation", "product {id} is still referenced"),
        ("psycopg.errors.LockNotAvailable", "lock timeout on relation 'stock'"),
        (
            "psycopg.errors.QueryCanceled",
            "canceling statement due to statement timeout",
        ),
        ("psycopg.OperationalError", "server closed the connection unexpectedly"),
        ("psycopg.errors.NumericValueOutOfRange", "integer out of range: {id}{id}"),
        ("psycopg.errors.DiskFull", "could not extend file 'base/{n}/{id}'"),
    ),
    "queue": (
        ("redis.exceptions.ConnectionError", "Error {n} connecting to cache:6379"),
        ("redis.exceptions.TimeoutError", "Timeout reading from socket"),
        (
            "redis.exceptions.ReadOnlyError",
            "You can't write against a read only replica",
        ),
        (
            "redis.exceptions.OutOfMemoryError",
            "command not allowed, used memory > {id}",
        ),
        ("redis.exceptions.LockError", "Cannot release a lock that's no longer owned"),
    ),
    "storage": (
        (
            "botocore.exceptions.ClientError",
            "(SlowDown) Please reduce your request rate",
        ),
        (
            "botocore.exceptions.ClientError",
            "(NoSuchKey) key 'uploads/{id}' is missing",
        ),
        (
            "botocore.exceptions.ClientError",
            "(AccessDenied) PutObject on 'exports/{key}'",
        ),
        (
            "botocore.exceptions.EndpointConnectionError",
            "Could not connect to endpoint",
        ),
        ("OSError", "[Errno 28] No space left on device: 'spool/{key}'"),
        ("FileNotFoundError", "[Errno 2] No such file: 'exports/{id}.csv'"),
    ),
    "image": (
        ("PIL.UnidentifiedImageError", "cannot identify image file 'uploads/{id}'"),
        ("OSError", "image file is truncated ({n} bytes not processed)"),
        ("PIL.Image.DecompressionBombError", "Image size ({id} pixels) exceeds limit"),
        ("subprocess.CalledProcessError", "Command 'ffmpeg' returned exit status {n}"),
        ("ValueError", "unsupported colour profile in asset {id}"),
    ),
    "mail": (
        ("smtplib.SMTPServerDisconnected", "Connection unexpectedly closed"),
        ("smtplib.SMTPRecipientsRefused", "user c-{id}: mailbox unavailable"),
        ("smtplib.SMTPDataError", "(451, 'greylisted, try again in {n} minutes')"),
        ("smtplib.SMTPAuthenticationError", "(535, 'credentials invalid')"),
        ("jinja2.exceptions.UndefinedError", "'dict object' has no attribute 'name'"),
        ("UnicodeEncodeError", "codec can't encode character in position {n}"),
    ),
    "payment": (
        ("orders.payments.CardDeclined", "order {id}: insufficient funds"),
        ("orders.payments.CardDeclined", "order {id}: card expired"),
        ("orders.payments.AlreadyCaptured", "payment {key} was captured before"),
        (
            "orders.payments.GatewayUnavailable",
            "gateway answered after {n} attempts: no",
        ),
        ("orders.payments.AmountMismatch", "order {id}: totals differ by {n} cents"),
        (
            "orders.payments.SignatureInvalid",
            "callback {key} is not signed by the gateway",
        ),
    ),
    "data": (
        ("KeyError", "'ean'"),
        ("ValueError", "could not convert string to float: '{n},90'"),
        ("TypeError", "unsupported operand type(s) for *: 'NoneType' and 'int'"),
        ("AttributeError", "'NoneType' object has no attribute 'variants'"),
        ("IndexError", "list index out of range"),
        ("ZeroDivisionError", "division by zero"),
        ("marshmallow.ValidationError", "supplier row {id}: missing field 'weight'"),
        ("orders.domain.UnknownProduct", "SKU-{id} is not in catalogue {n}"),
    ),
    "common": (
        ("MemoryError", "cannot allocate {id} bytes"),
        ("TimeoutError", "deadline of {n} s passed"),
        ("RecursionError", "maximum recursion depth exceeded"),
        ("orders.worker.Interrupted", "worker {key} was asked to stop"),
        ("AssertionError", "stock of SKU-{id} is negative"),
    ),
}


class Shape(NamedTuple):
    """One kind of error: same class, wording and frames, other details each time."""

    #: which it is, 0 to 59
    number: int
    family: str
    error_type: str
    message: str


#: All sixty.
SHAPES: Final = tuple(
    Shape(number, family, error_type, message)
    for number, (family, error_type, message) in enumerate(
        (family, *pair) for family, pairs in _MESSAGES.items() for pair in pairs
    )
)


def shapes_of(families: tuple[str, ...]) -> list[Shape]:
    """What may befall a job of these families, the frequent kinds several times."""
    own = [shape for shape in SHAPES if shape.family in families]
    common = [shape for shape in SHAPES if shape.family == "common"]
    often = chain.from_iterable(
        [shape] * max(1, 8 - rank) for rank, shape in enumerate(own)
    )
    return [*often, *common]
