"""Where things are, and the environment of the processes that tests start."""

import os
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
FIXTURES = TESTS / "fixtures"


def environment(**more: str) -> dict[str, str]:
    """This process's, in which the library and the tests' own modules are found."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(ROOT)]), **more}
