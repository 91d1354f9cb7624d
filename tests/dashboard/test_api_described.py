"""The JSON interface keeps what its description promises, whatever it is asked."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from requests import Session
from schemathesis.checks import CHECKS
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.browser.served import Served
from tests.factories import finished_run, job_table, make_run

EXAMPLES = 40
#: Valid as a text, and yet nothing that can be gone on from, or undone.
REFUSED = {
    "/api/runs": "after",
    "/api/undo": "undo_token",
    "/api/alerts/silence": "reason",
    "/api/alerts/silence/end": "silence",
    "/api/alerts/rule": "settings",
    "/api/trends/{metric}": "from",
    "/api/trends/{metric}.csv": "from",
}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenApiSchema]:
    place = tmp_path_factory.mktemp("described")
    with job_table(f"sqlite:///{place / 'jobs.db'}") as table:
        table.add(*(finished_run() for _ in range(20)), make_run())
        server = Served(
            place,
            JOBS_DATABASE_URL=table.url,
            JOBS_STORE_URL=f"sqlite:///{place / 'store.db'}",
        ).start()
        yield schemathesis.openapi.from_url(f"{server.url}api/openapi.json")
        server.stop()


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """Keeps its connection."""
    with Session() as session:
        yield session


@pytest.mark.parametrize(
    "operation",
    [
        *("GET /api/sources", "GET /api/snapshot", "GET /api/runs", "GET /api/run"),
        *("GET /api/stalled", "GET /api/audit", "GET /api/audit.csv"),
        *("GET /api/errors", "GET /api/errors.csv", "POST /api/errors"),
        *("GET /api/errors/groups", "GET /api/errors/groups.csv"),
        *("POST /api/errors/status", "POST /api/errors/merge"),
        *("POST /api/errors/split", "POST /api/telemetry"),
        *("GET /api/alerts", "GET /api/alerts/history", "GET /api/alerts/history.csv"),
        *("POST /api/alerts/acknowledge", "POST /api/alerts/silence"),
        *("POST /api/alerts/silence/end", "POST /api/alerts/rule"),
        *("GET /api/trends/{metric}", "GET /api/trends/{metric}.csv"),
        *("GET /api/runs.csv", "POST /api/runs", "POST /api/runs/cancel"),
        *("POST /api/runs/retry", "POST /api/stalled/cleanup", "POST /api/undo"),
    ],
)
def test_every_answer_is_one_of_those_described(
    described: OpenApiSchema, session: Session, operation: str
) -> None:
    method, path = operation.split()
    [lenient] = CHECKS.get_by_names(["positive_data_acceptance"])

    @given(case=described[path][method].as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def holds(case: schemathesis.Case) -> None:
        excluded = [lenient] if path in REFUSED else []
        case.call_and_validate(session=session, excluded_checks=excluded)

    holds()


def test_no_operation_is_forgotten(described: OpenApiSchema) -> None:
    """The list above is the description's."""
    [mark] = test_every_answer_is_one_of_those_described.pytestmark
    found = {
        f"{result.ok().method.upper()} {result.ok().path}"
        for result in described.get_all_operations()
    }

    assert found == set(mark.args[1])
