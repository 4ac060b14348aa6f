"""Postgres: pools, sessions and transactions, named queries, migrations."""

from ments.db.arrays import write_array
from ments.db.pools import Primary, Session, Transaction
from ments.db.queries import load_queries
from ments.db.replicas import Replica

__all__ = ["Primary", "Replica", "Session", "Transaction", "load_queries", "write_array"]
