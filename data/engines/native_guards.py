"""What may refuse or swallow a write though every right is there, on PostgreSQL.

Triggers, rules and policies: what they do is known only when they are tried.
"""

import random
from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy import Connection, Table, text

from data.engines.rights import quoted

#: The upper end of what each type of an id holds, where no run is yet.
_LARGEST: Final = {"int2": 2**15, "int4": 2**31}
_LARGE: Final = 2**62


class Guards(NamedTuple):
    """What stands before the rows of a table."""

    #: differs when one of them has changed; "" when there are none
    version: str
    #: a new row may name an id of its own: nothing is told by it
    takes_ids: bool


def guards_of(connection: Connection, table: Table) -> Guards:
    """What the catalogue says of them; no row is looked at, no lock taken."""
    place = {"name": quoted(connection, table)}
    found = connection.execute(text(_GUARDS), place).one()
    return Guards(found.version or "", takes_ids=bool(found.takes_ids))


def new_ids(kind: str) -> Iterator[int]:
    """Ids that nobody uses, different ones in each process that tries."""
    end = _LARGEST.get(kind, _LARGE)
    while True:
        yield random.randrange(end - end // 8, end)  # noqa: S311 - no secret


_GUARDS: Final = """
WITH job AS (
  SELECT c.oid, c.relkind, c.relrowsecurity FROM pg_class c
  WHERE c.oid = to_regclass(CAST(:name AS text))
), parts AS (
  SELECT oid FROM job UNION
  SELECT p.relid FROM job, LATERAL pg_partition_tree(job.oid) AS p
), guards AS (
  SELECT concat_ws(' ', t.oid, t.xmin, p.oid, p.xmin) AS guard
  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
  WHERE t.tgrelid IN (SELECT oid FROM parts) AND NOT t.tgisinternal
    AND t.tgenabled <> 'D' AND t.tgtype::int & 20 <> 0
  UNION ALL
  SELECT concat_ws(' ', r.oid, r.xmin) FROM pg_rewrite r
  WHERE r.ev_class IN (SELECT oid FROM parts) AND r.ev_type <> '1'
  UNION ALL
  SELECT concat_ws(' ', l.oid, l.xmin) FROM pg_policy l JOIN job ON l.polrelid = job.oid
  UNION ALL
  SELECT 'rows' FROM job WHERE job.relrowsecurity
)
SELECT (SELECT string_agg(guard, ';' ORDER BY guard) FROM guards) AS version,
  job.relkind <> 'p' AND NOT EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = job.oid AND a.attname = 'id'
      AND (a.attidentity = 'a' OR a.attgenerated <> '')) AS takes_ids
FROM job
"""
