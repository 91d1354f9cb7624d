"""What is said of a run's last sign of life: a heartbeat, or the end of a step."""

from typing import Final

from data.model import LifeSign, Liveness

#: Beside a run in a list; an age follows.
SHORT: Final = {
    LifeSign.HEARTBEAT: {
        Liveness.FRESH: "heartbeat",
        Liveness.LOST: "heartbeat lost",
        Liveness.NONE: "no heartbeat",
    },
    LifeSign.STEP: {
        Liveness.FRESH: "step finished",
        Liveness.LOST: "no step finished for",
        Liveness.NONE: "no step finished yet",
    },
}
#: As evidence before a clean-up; an age follows.
EVIDENCE: Final = {
    LifeSign.HEARTBEAT: {
        Liveness.FRESH: "still alive, last heartbeat",
        Liveness.LOST: "heartbeat lost, the last one",
        Liveness.NONE: "never sent a heartbeat",
    },
    LifeSign.STEP: {
        Liveness.FRESH: "at work, last step finished",
        Liveness.LOST: "no step finished for",
        Liveness.NONE: "no step finished yet",
    },
}
#: At the end of a sentence about one run.
CLAUSE: Final = {
    LifeSign.HEARTBEAT: {
        Liveness.FRESH: "it still sends heartbeats",
        Liveness.LOST: "its heartbeat is lost",
        Liveness.NONE: "it never sent a heartbeat",
    },
    LifeSign.STEP: {
        Liveness.FRESH: "it finished a step lately",
        Liveness.LOST: "no step finished lately",
        Liveness.NONE: "no step finished yet",
    },
}
#: The name of the instant.
MOMENT: Final = {
    LifeSign.HEARTBEAT: "Last heartbeat",
    LifeSign.STEP: "Last step finished",
}


def age_of(sign: LifeSign, liveness: Liveness) -> str:
    """How the age is told behind the words: "ago", or as a "duration"."""
    is_span = sign is LifeSign.STEP and liveness is Liveness.LOST
    return "duration" if is_span else "ago"


def spans(words: str) -> bool:
    """Is the age behind these words of ``SHORT`` told as a duration?"""
    return words == SHORT[LifeSign.STEP][Liveness.LOST]
