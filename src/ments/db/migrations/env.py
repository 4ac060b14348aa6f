"""alembic's entry: one connection, one advisory lock, each revision in a transaction."""

from alembic import context
from sqlalchemy import create_engine, pool, text

_MIGRATION_LOCK = 0x6D656E7473  # "ments": one migration run at a time, whoever starts it


def run() -> None:
    url = context.config.attributes["url"].replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        connection.commit()
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


run()
