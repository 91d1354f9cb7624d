"""Parts of pages that stand alone too: layout() and register(app, deps)."""
