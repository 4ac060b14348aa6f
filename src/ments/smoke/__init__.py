"""The guide's smoke test, against any deployment, over HTTP alone."""

from ments.smoke.journey import Credentials
from ments.smoke.run import StepResult, run_smoke

__all__ = ["Credentials", "StepResult", "run_smoke"]
