"""What the dialog with one run says."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard.views.details import frames_of

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
