"""Physical cores, where the room of models looks for them. Knows nothing: `core.cores` counts."""

from ossay.core.cores import physical_cores

__all__ = ["physical_cores"]
