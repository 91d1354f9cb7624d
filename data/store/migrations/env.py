"""Run by alembic: migrates over the connection, and in the transaction, it is handed."""

from alembic import context

from data.store.migrate import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"], version_table=VERSION_TABLE
)
context.run_migrations()
