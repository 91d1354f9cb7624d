"""What the ``job-manager`` command does beside serving: one module a command."""
