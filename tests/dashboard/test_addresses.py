"""No part of a password ends in a host, a message or the log."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest

from dashboard.log_format import ScrubbingFormatter
from dashboard.settings.addresses import (
    database_url_of,
    logs_url_of,
    script_of,
    web_url,
)

#: What must not be repeated.
_SECRET = "s3cret"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://jobs:s3cret@Pass@db.invalid/orders",
        "postgresql://jobs:a@s3cret/b@db.invalid/orders",
        "postgresql://jobs:a@s3cret:1@db.invalid:5432/orders",
        "postgresql://jobs/s3cret@db.invalid/orders",
        "postgresql://jobs:a@h?s3cret=b@db.invalid/orders",
        "postgresql://jobs:a@s3 cret/orders",
    ],
)
def test_an_address_whose_password_may_end_early_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="write %40 for @") as caught:
        database_url_of(address)

    assert _SECRET not in str(caught.value)
    assert "Pass" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "read"),
    [
        (
            "postgresql://jobs:s3cret%40Pass@db/orders",
            "postgresql+psycopg://jobs:s3cret%40Pass@db/orders",
        ),
        (
            "postgresql://jobs@one,two:5433/orders",
            "postgresql+psycopg://jobs@one,two:5433/orders",
        ),
        (
            "postgresql://jobs@db/orders?options=-c%20search_path%3Djobs&sslmode=require",
            "postgresql+psycopg://jobs@db/orders?options=-c+search_path%3Djobs&sslmode=require",
        ),
        ("sqlite:////data/a@b@c.db", "sqlite:////data/a%40b%40c.db"),
    ],
)
def test_what_is_written_as_it_should_be_is_kept(address: str, read: str) -> None:
    assert database_url_of(address) == read


def test_a_parameter_that_the_driver_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="allowed: those of libpq"):
        database_url_of("postgresql://jobs@db/orders?ssl_mode=require")


@pytest.mark.parametrize("read", [web_url(), logs_url_of, script_of])
@pytest.mark.parametrize(
    "address",
    [
        "https://jobs:s3cret@Pass@hooks.invalid/x",
        "https://jobs:a@s3cret/Pass@hooks.invalid/",
        "https://jobs:a@s3cret/Pass/x@hooks.invalid",
        "https://jobs@s3cret:1/Pass@hooks.invalid/",
        "https://jobs:a@s3cret#Pass@hooks.invalid/",
        "https://jobs:a@s3cret?Pass@hooks.invalid/?x=1",
    ],
)
def test_the_password_of_a_web_address_is_held_to_the_same(
    read: Callable[[object], str], address: str
) -> None:
    with pytest.raises(ValueError, match="write %40 for @") as caught:
        read(address)

    assert _SECRET not in str(caught.value)
    assert "Pass" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.invalid/path@x",
        "https://hooks.invalid/@ops/errors#a@b",
        "https://jobs:s3cret%40Pa%2Fss@hooks.invalid/x",
        "https://jobs:s3cret@hooks.invalid/x?to=ops@b&cc=c@d",
        "https://hooks.invalid:8443/x?ops@b",
    ],
)
def test_an_at_elsewhere_is_no_end_of_a_password(address: str) -> None:
    assert web_url()(address) == address


def test_the_log_repeats_neither_secrets_nor_rows() -> None:
    raised = _raised(
        "null value in column\nDETAIL:  Failing row contains (17, s3cret).\n"
        "at postgresql://jobs:s3cret@db/orders password=s3cret"
    )
    record = logging.LogRecord(
        "data", logging.ERROR, __file__, 1, "lost %s", ("pg://a:s3cret@db",), raised
    )

    said = ScrubbingFormatter("%(message)s").format(record)

    assert _SECRET not in said
    assert "null value in column" in said
    assert said.splitlines()[0] == "lost pg://[Filtered]@db"


def _raised(message: str) -> Any:
    try:
        raise ValueError(message)  # noqa: TRY301 - to have it raised
    except ValueError:
        return sys.exc_info()
