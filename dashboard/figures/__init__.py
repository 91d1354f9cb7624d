"""Pure: numbers -> figures, as the plain JSON that ``dcc.Graph`` takes."""
