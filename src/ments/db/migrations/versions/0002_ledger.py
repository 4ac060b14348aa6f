"""The ledger of jobs, which takes over from the outbox.

phase: expand (an older process goes on writing to `outbox`; a trigger carries its rows over)
"""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%"))
