"""The ledger of jobs in Postgres: accepted, claimed, ended, buried."""

from ments.jobs.ledger.accept import NewJob, insert_jobs, mark_queued
from ments.jobs.ledger.leases import Leases
from ments.jobs.ledger.runs import Claimed, Ledger, Refused, bury_run, commit_run

__all__ = [
    "Claimed",
    "Leases",
    "Ledger",
    "NewJob",
    "Refused",
    "bury_run",
    "commit_run",
    "insert_jobs",
    "mark_queued",
]
