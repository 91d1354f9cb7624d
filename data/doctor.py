"""Findings about sources and store, each with its mend."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from data.clock import Clock
from data.engines.base import Diagnosis, Grade
from data.exceptions import (
    AccessDeniedError,
    DataError,
    SchemaMismatchError,
    SourceUnavailableError,
)
from data.snapshot import Source
from data.store import store_version

#: Where a finding of the store is.
STORE: Final = "store"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    #: name of the source, or ``STORE``
    where: str
    what: str
    grade: Grade
    message: str
    mend: str


def examine(
    sources: Mapping[str, Source], store_url: str, clock: Clock
) -> list[Finding]:
    """Look at every source and at the store; nothing is changed anywhere."""
    found = [
        Finding(name, *diagnosis)
        for name, source in sources.items()
        for diagnosis in _of_source(source, clock)
    ]
    return [*found, Finding(STORE, *_of_store(store_url))]


def is_well(findings: list[Finding]) -> bool:
    """Is there nothing to mend?"""
    return all(finding.grade is not Grade.MEND for finding in findings)


def _of_source(source: Source, clock: Clock) -> list[Diagnosis]:
    reached = Diagnosis("reachable", Grade.OK, f"{source.label} answers.")
    try:
        return [reached, *source.engine.examine(clock)]
    except SourceUnavailableError as error:
        return [_wrong("reachable", error, "Look at its address, and whether it runs.")]
    except SchemaMismatchError as error:
        return [reached, _wrong("schema", error, error.mend)]
    except AccessDeniedError as error:
        return [reached, _wrong("rights", error, error.mend)]


def _of_store(url: str) -> Diagnosis:
    try:
        return Diagnosis("version", Grade.OK, store_version(url))
    except DataError as error:
        return _wrong("version", error, "Look at JOBS_STORE_URL.")


def _wrong(what: str, error: DataError, mend: str) -> Diagnosis:
    return Diagnosis(what, Grade.MEND, str(error), mend)
