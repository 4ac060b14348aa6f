"""What pages are made from of which nothing is kept, as functions, whose plans each connection keeps.

phase: expand (an older process sends the statements themselves)
"""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%"))
