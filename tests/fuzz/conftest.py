"""A short run belongs to every test run; `make fuzz` makes a long one, with another seed each time."""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings

sys.path.insert(0, str(Path(__file__).parent))

EVERY = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
    "print_blob": True,  # a failure is made again by the blob or the seed; to shrink one takes longer than to read it
    "phases": [Phase.explicit, Phase.generate],
}
N_INPUTS = int(os.environ.get("TSRNN_FUZZ_INPUTS", "0"))  # of each test; 0 for a short run

settings.register_profile("short", max_examples=25, derandomize=True, **EVERY)
settings.register_profile("long", max_examples=max(N_INPUTS, 1), **EVERY)
PROFILE = settings.get_profile("long" if N_INPUTS else "short")


def pytest_terminal_summary(terminalreporter):
    from outcomes import COUNTS

    for what, outcome in sorted(COUNTS):
        terminalreporter.write_line(f"{what}: {outcome} {COUNTS[what, outcome]}")
