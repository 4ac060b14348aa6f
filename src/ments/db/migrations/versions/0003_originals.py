"""Originals that lie where a producer outside put them, and which job holds media.

phase: expand (an older process writes neither column, and reads rows as before)
"""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%"))
