"""What the whole house promises: light imports, a fast start, no torch, an honest lock."""

import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "triton", "aiohttp", "starlette", "numpy", "scipy", "sqlalchemy", "altair"}
HEAVY |= {"uvicorn", "prometheus_client", "tiktoken", "openai"}


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules that `code` loads in a fresh interpreter."""
    program = f"import sys\n{code}\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


def test_importing_ossay_loads_nothing_heavy():
    assert not loaded_by("import ossay") & HEAVY


def test_help_loads_nothing_heavy():
    code = (
        "from ossay.cli import main\nsys.argv = ['ossay', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    assert not loaded_by(code) & (HEAVY | {"rich", "jinja2"})


def test_the_default_install_pulls_no_torch():
    default = [line for line in requires("ossay") or () if "extra ==" not in line]
    names = [re.split(r"[\s;<>=\[]", line)[0] for line in default]
    assert "aiohttp" in names
    assert not {"torch", "triton"} & set(names)
    assert not re.search(r"^(torch|triton)==", (ROOT / "requirements/dev.txt").read_text(), re.M)


def test_torch_and_triton_are_imported_by_the_gpu_backend_alone():
    source = ROOT / "src/ossay"
    imports = re.compile(r"^\s*(?:import|from) (?:torch|triton)\b", re.M)
    found = {p.relative_to(source) for p in source.rglob("*.py") if imports.search(p.read_text())}
    assert found
    assert {path.parent for path in found} == {Path("engine/kernels/cuda")}
    assert Path("engine/kernels/cuda/__init__.py") not in found


def test_the_lock_has_hashes_and_names_no_host():
    lock = (ROOT / "requirements/dev.txt").read_text()
    pinned = re.findall(r"^[A-Za-z0-9_.\[\]-]+==", lock, re.M)
    assert len(pinned) > 40
    assert lock.count("--hash=sha256:") >= len(pinned)
    assert "://" not in lock


def test_the_version_is_in_the_changelog():
    from ossay import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
