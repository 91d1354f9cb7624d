"""What the dialog with one run says."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard.views.details import details_view, frames_of, usual_words
from data.model import JobState, RunDetails
from tests.factories import NOW, make_job

TRACEBACK = """Traceback (most recent call last):
  File "/app/jobs/mail.py", line 7, in send
    client.post(url)
    ~~~~~~~~~~~^^^^^
  File "/usr/lib/python3.11/site-packages/httpx/_client.py", line 1144, in post
    return self.request(
ValueError: no
  and a second line"""


def test_frames_of_libraries_are_folded_and_ours_are_open() -> None:
    frames = frames_of(TRACEBACK)

    assert [frame["folded"] for frame in frames] == [False, False, True, False]
    assert frames[1]["head"] == '  File "/app/jobs/mail.py", line 7, in send\n'
    assert frames[1]["text"].count("\n") == 2
    assert frames[3]["text"] == "ValueError: no\n  and a second line"


PIECES = ['  File "a.py", line 1', "\n", "    x", "Error", "\r", "\x1c"]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_what_is_copied_is_what_was_written(text: str) -> None:
    assert "".join(part["head"] + part["text"] for part in frames_of(text)) == text


def test_any_other_text_is_one_part() -> None:
    text = "java.lang.Error\n\tat a.b(C.java:1)\n"

    assert frames_of(text) == [{"head": "", "text": text, "folded": False}]


def test_the_timeline_is_to_scale_and_marks_what_lies_on_it() -> None:
    job = make_job(
        state=JobState.RUNNING,
        enqueued_at=NOW - 1_000,
        scheduled_at=NOW - 900,
        started_at=NOW - 800,
        heartbeat_at=NOW - 100,
        finished_at=None,
    )
    run = RunDetails(
        job=job,
        max_attempts=1,
        params="{}",
        result=None,
        error_type=None,
        error=None,
        cut=frozenset(),
    )

    view = details_view(run, None, [], logs_url="", now_ms=NOW)

    assert [part["percent"] for part in view["timeline"]] == [20, 80]
    assert [(mark["words"], mark["percent"]) for mark in view["marks"]] == [
        ("scheduled", 10),
        ("last heartbeat", 90),
    ]


def test_instants_that_contradict_each_other_draw_nothing() -> None:
    job = make_job(
        enqueued_at=NOW, started_at=NOW - 5, heartbeat_at=NOW + 5, finished_at=NOW - 1
    )
    run = RunDetails(
        job=job,
        max_attempts=None,
        params=None,
        result=None,
        error_type=None,
        error=None,
        cut=frozenset(),
    )

    view = details_view(run, None, [], logs_url="", now_ms=NOW)

    assert (view["timeline"], view["marks"]) == ([], [])


def test_how_long_a_run_usually_takes_says_of_how_many() -> None:
    job = make_job(started_at=NOW - 3_000, finished_at=NOW)

    assert usual_words([job]) == "3s, 95 % below 3s (last run)"
    assert usual_words([job] * 20) == "3s, 95 % below 3s (last 20 runs)"
