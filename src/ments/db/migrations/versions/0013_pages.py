"""Pages of cards in one statement each, which say the same as before for less.

phase: expand (an older process calls see_cards and see_latest, which answer as before)
"""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%"))
