"""Reads what the charts are made of: for the page, and for programs."""
