import subprocess
import sys

# In a process of its own: what is frozen stays so until its end.
CODE = """
import gc
from ossay.server.garbage import settle
settle()
cycle = []
cycle.append(cycle)
frozen = gc.get_freeze_count()
del cycle
print(frozen, gc.collect())
"""


def test_what_is_there_is_not_looked_at_again_and_later_cycles_are():
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    frozen, found = map(int, run.stdout.split())
    assert frozen > 1_000
    assert found >= 1
