"""State -> tone. The colours of each tone are in assets/00_tokens.css, for both themes."""

from typing import Final

from data.model import JobState

#: The tone a state's chip has; a CSS class ``tone-...``.
TONES: Final[dict[JobState, str]] = {
    JobState.SCHEDULED: "quiet",
    JobState.PENDING: "quiet",
    JobState.RUNNING: "busy",
    JobState.SUCCEEDED: "good",
    JobState.FAILED: "bad",
    JobState.CANCELLED: "quiet",
    JobState.OTHER: "odd",
}
