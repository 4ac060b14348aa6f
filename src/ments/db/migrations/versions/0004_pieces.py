"""Pieces of films, and the files that are made of them.

phase: expand (an older process writes none of it; while both run, it leaves what only plays to the newer ones)
"""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%"))
