"""Likes, reposts, bookmarks, reports, polls, hashtags, and counters without hot rows.

phase: expand (an older process still adds replies to a post's row itself, which adds up with the lines)
"""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%"))
