"""What `pip install` would install: a wheel built from this tree holds the fast kernels."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_a_wheel_holds_the_kernels_that_were_just_built(tmp_path):
    """Without a compiler it would hold none, so where CI builds it they must be there."""
    if "kernels" not in os.environ.get("OSSAY_REQUIRE", "").split(","):
        pytest.skip("OSSAY_REQUIRE does not contain 'kernels'")
    source = tmp_path / "source"
    for name in ("src", "csrc"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("*.so"))
    for name in ("CMakeLists.txt", "LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, source)
    stale = source / "src" / "ossay" / "engine" / "kernels" / "_stale.so"
    stale.write_text("left by an editable install")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet",
         "--wheel-dir", tmp_path, source],
        check=True,
        env={**os.environ, "PATH": path},
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        built = [name for name in packed.namelist() if name.endswith(".so")]
    assert [name.partition(".")[0] for name in built] == ["ossay/engine/kernels/_cpu"]
