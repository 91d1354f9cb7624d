"""A small editor for the params of a run; assets/params.js says what is wrong, and where."""

from dash import dcc, html

from dashboard.components.attributes import attributes

#: What the parts beside the field are called after the field's own id.
FAULT = "-fault"
LINES = "-lines"


def params_editor(id_: str, words: str, *, rows: int = 8) -> html.Div:
    """A field for JSON with the numbers of its lines, and the first fault below."""
    field = dcc.Textarea(
        id=id_, value="{}", rows=rows, wrap="off", spellCheck=False, className="json"
    )
    lines = html.Pre("1", id=id_ + LINES, **attributes(aria_hidden="true"))
    return html.Div(
        [
            html.Label(words, htmlFor=id_),
            html.Div([lines, field], className="json-editor"),
            html.Div(id=id_ + FAULT, className="json-fault", role="status"),
        ]
    )
