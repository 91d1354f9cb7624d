"""Pure judgements: the instant they judge at is an argument, nothing is read or written."""
