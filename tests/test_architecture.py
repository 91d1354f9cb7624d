"""What no linter checks: ids have one place, callbacks have no body to speak of."""

import ast
import inspect
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from dashboard import ids

DASHBOARD = Path(ids.__file__).parent
SOURCES = sorted(DASHBOARD.rglob("*.py"))
CALLBACK_LINES = 6


def all_ids() -> list[str]:
    return [
        value
        for _, group in inspect.getmembers(ids, inspect.isclass)
        if group.__module__ == ids.__name__
        for name, value in vars(group).items()
        if name.isupper()
    ]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def callbacks(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions that are decorated with ``.callback(...)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            calls = [d.func for d in node.decorator_list if isinstance(d, ast.Call)]
            names = [f.attr for f in calls if isinstance(f, ast.Attribute)]
            if "callback" in names:
                yield node


def lines_of(body: list[ast.stmt]) -> int:
    """Lines of a body, its docstring left out."""
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_every_id_is_there_once() -> None:
    found = all_ids()

    assert len(found) > 20
    assert [id_ for id_, times in Counter(found).items() if times > 1] == []


def test_no_id_is_written_out() -> None:
    literals = [
        f"{path.relative_to(DASHBOARD)}:{keyword.value.lineno}"
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "id"
        and isinstance(keyword.value, ast.Constant | ast.JoinedStr)
    ]

    assert literals == []


def test_no_id_is_written_out_where_callbacks_name_it() -> None:
    """``Output("tile-running", ...)`` is a literal id as well."""
    ours = set(all_ids())
    literals = [
        f"{path.relative_to(DASHBOARD)}:{call.lineno}"
        for path in SOURCES
        for call in ast.walk(tree_of(path))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in {"Input", "Output", "State"}
        and isinstance(call.args[0], ast.Constant)
        and call.args[0].value in ours
    ]

    assert literals == []


def test_the_body_of_a_callback_is_short() -> None:
    long = {
        f"{path.relative_to(DASHBOARD)}:{node.lineno} {node.name}": lines_of(node.body)
        for path in SOURCES
        for node in callbacks(tree_of(path))
        if lines_of(node.body) > CALLBACK_LINES
    }

    assert long == {}


def test_callbacks_are_found_at_all() -> None:
    assert any(list(callbacks(tree_of(path))) for path in SOURCES)
