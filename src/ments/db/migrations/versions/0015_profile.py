"""A profile as a function, whose plan each connection keeps: planning it took longer than reading it.

phase: expand (an older process sends the statement itself)
"""

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%"))
