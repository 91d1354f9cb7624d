"""Pages made of panels: PATH, TITLE, layout(), register(app, deps)."""
