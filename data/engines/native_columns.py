"""What the job table really is: a table or a view, with which columns of which types.

Asked of the database's catalogue, which costs no lock and reads no row.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, text

from data.engines.rights import quoted

#: Defaults that give each new row a value of its own: the time, a number, a random id.
_FRESH: Final = re.compile(
    r"now\(|current_(time|date)|local_?time|clock_timestamp|statement_timestamp"
    r"|strftime|julianday|unixepoch|nextval|uuid|random",
    re.IGNORECASE,
)
_INSTEAD: Final = re.compile(r"\bINSTEAD\s+OF\s+(INSERT|UPDATE)\b", re.IGNORECASE)
#: PostgreSQL's numbers of commands in ``pg_relation_is_updatable``.
_UPDATE: Final = 1 << 2
_INSERT: Final = 1 << 3


class ColumnFacts(NamedTuple):
    """One column, as the database has it."""

    name: str
    #: as a cast spells it; on SQLite the declared word
    type: str
    #: the same without domains
    base: str
    #: PostgreSQL's own name of that: "text", "timestamptz", "numeric"
    kind: str
    #: the words of an enum, () of any other type
    labels: tuple[str, ...] = ()
    #: must be given a value in a new row
    required: bool = False
    default: str = ""
    #: the database computes it: generated, or an identity
    computed: bool = False
    #: an UPDATE or INSERT can name it, where no trigger takes its place
    updatable: bool = True

    @property
    def is_fresh(self) -> bool:
        """Does its default give each new row a value of its own?"""
        return bool(_FRESH.search(self.default))


class TableFacts(NamedTuple):
    """The job table, as the database has it."""

    columns: Mapping[str, ColumnFacts] = {}
    is_view: bool = False
    #: it has a trigger in place of an UPDATE, INSERT
    updates_by_trigger: bool = False
    inserts_by_trigger: bool = False
    #: the database takes an UPDATE, INSERT of it at all
    takes_update: bool = True
    takes_insert: bool = True
    #: columns of each unique index that holds for every row
    unique: tuple[tuple[str, ...], ...] = ()
    #: conditions on the status alone, as SQL over a column ``status``
    status_checks: tuple[str, ...] = ()


def facts_of(connection: Connection, table: Table) -> TableFacts:
    """What the catalogue says of ``table``; without columns where it is not there."""
    if connection.dialect.name == "sqlite":
        return _facts_of_file(connection, table.name)
    return _facts_of_server(connection, quoted(connection, table))


def _facts_of_file(connection: Connection, name: str) -> TableFacts:
    columns = {
        row.name: ColumnFacts(
            row.name,
            row.type,
            row.type,
            row.type.lower(),
            required=bool(row.notnull) and row.dflt_value is None and not row.pk,
            default=row.dflt_value or "",
            computed=row.hidden in (2, 3),
        )
        for row in _rows(
            connection,
            'SELECT name, type, "notnull", dflt_value, pk, hidden '
            "FROM pragma_table_xinfo(:name) WHERE hidden <> 1",
            name=name,
        )
    }
    unique = _rows(
        connection,
        "SELECT l.name, group_concat(i.name, char(31)) AS columns, "
        "count(*) = count(i.name) AS plain FROM pragma_index_list(:name) AS l "
        "JOIN pragma_index_info(l.name) AS i "
        'WHERE l."unique" AND NOT l.partial GROUP BY l.name',
        name=name,
    )
    master = "SELECT type, sql FROM sqlite_master WHERE tbl_name = :name COLLATE NOCASE"
    objects = _rows(connection, master, name=name)
    is_view = any(row.type == "view" for row in objects)
    instead = {
        word.upper()
        for row in objects
        if row.type == "trigger"
        for word in _INSTEAD.findall(row.sql)
    }
    return TableFacts(
        columns,
        is_view=is_view,
        updates_by_trigger="UPDATE" in instead,
        inserts_by_trigger="INSERT" in instead,
        takes_update=not is_view or "UPDATE" in instead,
        takes_insert=not is_view or "INSERT" in instead,
        unique=tuple(tuple(row.columns.split("\x1f")) for row in unique if row.plain),
    )


def _facts_of_server(connection: Connection, name: str) -> TableFacts:
    relations = _rows(connection, _RELATION, name=name)
    if not relations:
        return TableFacts()
    [relation] = relations
    columns = {
        row.name: ColumnFacts(
            row.name,
            row.type,
            row.base,
            row.kind,
            tuple(row.labels),
            required=row.notnull and row.given is None and not row.computed,
            default=row.given or "",
            computed=row.computed,
            updatable=row.updatable,
        )
        for row in _rows(connection, _COLUMNS, name=name)
    }
    return TableFacts(
        columns,
        is_view=relation.relkind in ("v", "m"),
        updates_by_trigger=relation.updates_by_trigger,
        inserts_by_trigger=relation.inserts_by_trigger,
        takes_update=bool(relation.takes & _UPDATE),
        takes_insert=bool(relation.takes & _INSERT),
        unique=tuple(
            tuple(row.columns) for row in _rows(connection, _UNIQUE, name=name)
        ),
        status_checks=tuple(
            row.condition for row in _rows(connection, _CHECKS, name=name)
        ),
    )


def _rows(connection: Connection, statement: str, **values: str) -> list[Any]:
    return [*connection.execute(text(statement), values)]


_RELATION: Final = """
SELECT c.relkind::text, pg_relation_is_updatable(c.oid, true) AS takes,
  EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid
    AND t.tgtype & 80 = 80) AS updates_by_trigger,
  EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid
    AND t.tgtype & 68 = 68) AS inserts_by_trigger
FROM pg_class c WHERE c.oid = to_regclass(CAST(:name AS text))
"""
#: A domain's own NOT NULL and default count like the column's.
_COLUMNS: Final = """
WITH RECURSIVE own AS (
  SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod,
    format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS notnull,
    pg_get_expr(d.adbin, d.adrelid) AS given,
    a.attidentity <> '' OR a.attgenerated <> '' AS computed, 0 AS depth
  FROM pg_attribute a
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = to_regclass(CAST(:name AS text))
    AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT o.attrelid, o.attnum, o.attname, t.typbasetype, t.typtypmod, o.type,
    o.notnull OR t.typnotnull, coalesce(o.given, t.typdefault), o.computed, depth + 1
  FROM own o JOIN pg_type t ON t.oid = o.atttypid AND t.typtype = 'd'
)
SELECT DISTINCT ON (o.attnum) o.attname::text AS name, o.type,
  format_type(o.atttypid, o.atttypmod) AS base, t.typname::text AS kind,
  ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid
    ORDER BY e.enumsortorder) AS labels,
  o.notnull, o.given, o.computed,
  pg_column_is_updatable(o.attrelid, o.attnum, false) AS updatable
FROM own o JOIN pg_type t ON t.oid = o.atttypid
ORDER BY o.attnum, o.depth DESC
"""
_UNIQUE: Final = """
SELECT ARRAY(
  SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  WHERE k.place <= i.indnkeyatts ORDER BY k.place) AS columns
FROM pg_index i WHERE i.indrelid = to_regclass(CAST(:name AS text))
  AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
"""
_CHECKS: Final = """
SELECT pg_get_expr(c.conbin, c.conrelid) AS condition
FROM pg_constraint c JOIN pg_attribute a
  ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
WHERE c.conrelid = to_regclass(CAST(:name AS text)) AND c.contype = 'c'
  AND a.attname = 'status'
"""
