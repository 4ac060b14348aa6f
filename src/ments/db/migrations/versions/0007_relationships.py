"""Who follows, blocks and mutes whom; for whose followers a post is.

phase: expand (an older process knows no follows: it shows `followers` posts to their authors alone, and no block)
"""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%"))
