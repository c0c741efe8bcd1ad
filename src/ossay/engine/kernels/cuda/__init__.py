"""The GPU backend: PyTorch for memory and graphs, Triton for the kernels; NVIDIA, from Ampere on.

Imports neither until it is asked for: whoever has no GPU needs neither. Whether there is one to
compute on says `device`, what a model takes there says `paper`; `backend.Cuda` computes.
"""

from __future__ import annotations
