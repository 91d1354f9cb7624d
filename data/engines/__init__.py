"""One file an engine: how its tables are read and which actions it sanctions."""
