import re

import pytest

from data.demo.catalog import CATALOG, JobType
from data.demo.error_shapes import SHAPES, Shape, shapes_of
from data.demo.tracebacks import traceback_of

#: Random bits: half of them set, and none.
BITS = (0x5A5A_5A5A_5A5A_5A5A, 0)


def test_there_are_sixty_kinds_that_differ_in_more_than_details() -> None:
    last_lines = {
        _without_details(traceback_of(shape, "thumbnails", bits).splitlines()[-1])
        for shape in SHAPES
        for bits in BITS
    }

    assert len(SHAPES) == 60
    assert len(last_lines) == 60


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape.number))
def test_a_traceback_looks_like_pythons(shape: Shape) -> None:
    text = traceback_of(shape, "match-scores", BITS[0])

    lines = text.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == f"{shape.error_type}: {lines[-1].split(': ', 1)[1]}"
    assert "/jobs/match_scores.py" in text
    assert 400 < len(text) < 1_600
    assert "{" not in lines[-1]


@pytest.mark.parametrize("job", CATALOG, ids=lambda job: job.name)
def test_each_type_has_kinds_of_its_own(job: JobType) -> None:
    families = {shape.family for shape in shapes_of(job.families)}

    assert families == {*job.families, "common"}


def _without_details(line: str) -> str:
    line = re.sub(r"'[^']*'", "?", line)
    return re.sub(r"\b[0-9a-f]{8}\b|\d+", "#", line)
