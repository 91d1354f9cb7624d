"""What the dialog that starts a run says."""

from typing import Final

from data.model import RunDetails

#: Characters of a job name or queue that can be typed.
LONGEST_NAME: Final = 500


def last_params_words(details: RunDetails | None, *, edited: bool) -> str:
    """Where the params come from; ``details`` are those of the job's last finished run."""
    if details is None:
        return "No finished run of this job is known."
    run = f"its last run, {details.job.run_id}"
    if "params" in details.binary:
        return f"The params of {run}, are binary and are not shown."
    if "params" in details.cut:
        return f"The params of {run}, are too long to be edited here."
    if edited:
        return "Your params are kept; clear them to get those of its last run."
    return f"Params of {run}."
