"""Accounts whose posts are pulled rather than pushed.

phase: expand (an older process pushes nothing, and reads feeds from Postgres)
"""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%"))
