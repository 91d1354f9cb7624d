"""What one run of the benchmarks was asked for."""

from dataclasses import dataclass

from bench.tables import Tables


@dataclass(frozen=True)
class Asked:
    """The sizes to measure at, and where tables come from."""

    tables: Tables
    #: finished runs in the table, smallest first
    rows: tuple[int, ...]

    @property
    def usual(self) -> int:
        """The size for figures that are measured at one size only."""
        return self.rows[0]
