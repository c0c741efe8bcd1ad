import subprocess
import sys

# In a process of its own: what is frozen stays so until its end.
CODE = """
import gc
from ossay.server.garbage import settle
settle()
cycle = []
cycle.append(cycle)
left = [gc.get_freeze_count() > 1_000, gc.get_threshold()[0]]
del cycle
print(*left, gc.collect())
"""


def test_what_is_there_is_not_looked_at_again_and_later_cycles_are():
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    frozen, young, found = run.stdout.split()
    assert frozen == "True"
    assert int(young) >= 10_000
    assert int(found) >= 1
