"""Versions of what cards show, and one statement that says what a page of cards is for one reader.

phase: expand (an older process raises the versions, too, since triggers do)
"""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%"))
