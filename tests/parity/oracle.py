"""Logits from transformers' GptOssForCausalLM in float32: what our backends are held to.

    PYTHON oracle.py CHECKPOINT_DIR tokens.json out.npz [CHECKPOINT_DIR tokens.json out.npz …]

PYTHON has torch and transformers (requirements/parity.txt), which this project's own environment
never has; so this file imports nothing of ours. tokens.json holds
{"sequences": [[id, …], …], "last": n}; out.npz holds arrays "0", "1", … of the last n positions'
logits, float32 [n, vocab] (all positions where n is 0), and "versions", a line of text. Starting
torch takes seconds: name many checkpoints in one call.
"""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import numpy as np
import torch
import transformers

FLOAT32_ANGLES = 1024  # positions up to which transformers' own angles are good enough


def main(arguments: list[str]) -> None:
    torch.set_num_threads(2)
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    for folder, tokens, out in zip(*[iter(arguments)] * 3, strict=True):
        asked = json.loads(Path(tokens).read_text())
        found = logits(folder, asked["sequences"], asked["last"])
        np.savez(out, versions=versions, **{str(i): each for i, each in enumerate(found)})


@torch.inference_mode()
def logits(folder: str, sequences: list[list[int]], last: int) -> list[np.ndarray]:
    """Run every sequence alone, without a cache; MXFP4 experts are dequantised on load."""
    model = transformers.GptOssForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True
    )
    model.eval()
    if max(map(len, sequences)) > FLOAT32_ANGLES:
        model.model.rotary_emb.forward = types.MethodType(_angles, model.model.rotary_emb)
    return [
        model(torch.tensor([each]), logits_to_keep=last, use_cache=False).logits[0].numpy()
        for each in sequences
    ]


def _angles(rotary, x, position_ids):
    """Cos and sin of transformers' own frequencies, but with the product taken in float64.

    In float32 the angle is off by 1e-4 at position 4600, which alone moves a logit by 2e-4.
    """
    angles = position_ids[..., None].double() * rotary.inv_freq.double()
    cos, sin = angles.cos() * rotary.attention_scaling, angles.sin() * rotary.attention_scaling
    return cos.to(x.dtype), sin.to(x.dtype)


if __name__ == "__main__":
    main(sys.argv[1:])
