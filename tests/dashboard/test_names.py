"""Names that do not fit: what differs stays, and what nobody can see is made visible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.components.candidates import candidate_option
from dashboard.format import shorten_name
from dashboard.panels.error_parts import groups_table, runs_table
from dashboard.views.cleanup import candidates_view
from dashboard.views.errors import group_view
from data.clock import DAY_MS
from data.model import GroupStatus, Snapshot
from data.rules.stalls import StallLimits, judge
from data.store.error_records import Group, StruckRun
from tests.factories import NOW, make_job

LONG = "com.example.billing.reconciliation.InvoiceMatchingJob"


@pytest.mark.parametrize(
    ("name", "length", "expected"),
    [
        ("send-mail", 20, "send-mail"),
        (f"{LONG}Primary", 30, "com.example.billing…JobPrimary"),
        (f"{LONG}Secondary", 30, "com.example.billing…bSecondary"),
        ("a\nb", 20, "a b"),
        ("in\u202evoice", 20, "in\ufffdvoice"),
        ("x" * 10, 1, "…"),
    ],
)
def test_the_middle_is_left_out(name: str, length: int, expected: str) -> None:
    assert shorten_name(name, length) == expected


WHOLE = "com.example.platform.billing.reconciliation.nightly.InvoiceMatchingJobPrimary"
LISTED = "com.example.platform.billing.reconcilia…ceMatchingJobPrimary"


def test_in_the_clean_up_dialog_it_is_whole_when_pointed_at() -> None:
    job = make_job(job_name=WHOLE, started_at=NOW - DAY_MS)
    judgement = judge([job], now_ms=NOW, limits=StallLimits())
    snapshot = Snapshot(
        source="jobs", seq=1, read_at=NOW, jobs=[job], judgement=judgement
    )

    [view] = candidates_view(snapshot, "")
    option = candidate_option(**view)

    name = option["label"].children[0].children[0]
    assert (name.children, name.title) == (LISTED, WHOLE)


def test_in_the_list_of_errors_it_is_whole_when_pointed_at() -> None:
    group = Group(
        fingerprint="v2:0",
        title="TimeoutError",
        type="TimeoutError",
        origin="job",
        action="runJob",
        component="default",
        job_name=WHOLE,
        first_seen=NOW,
        last_seen=NOW,
        status=GroupStatus.OPEN,
        status_at=NOW,
        status_by="",
        events=1,
        visitors=0,
        runs=1,
        merged=(),
    )
    table = groups_table([group_view(group, {}, [NOW, NOW])], "7 d", "", "")
    about = table.children[1].children[0].children[0].children[1]
    assert about.children == f"runJob · {LISTED} · worker"
    assert about.title == f"runJob · {WHOLE} · worker"

    runs = runs_table([StruckRun("jobs", "1", WHOLE, NOW, None)], "jobs", "")
    job = runs.children[0].children.children[0].children[1]
    assert (job.children, job.title) == (LISTED, WHOLE)


@given(st.text(), st.integers(1, 40))
def test_a_name_fits_and_keeps_both_ends(name: str, length: int) -> None:
    said = shorten_name(name, length)

    assert len(said) <= length
    if len(name) > length >= 6:
        assert "…" in said
