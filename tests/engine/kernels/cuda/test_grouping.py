"""Pairs cut into tiles, against what a tile promises."""

import numpy as np
import pytest
import torch

from ossay.engine.kernels.cuda.grouping import group, tile_count, tile_size


def choose(rng: np.random.Generator, n: int, k: int, experts: int, skew: float) -> np.ndarray:
    """Choose k different experts for each of n tokens; a high skew makes few of them popular."""
    weight = np.exp(rng.normal(size=experts) * skew)
    scores = np.log(weight) + rng.gumbel(size=(n, experts))
    return np.argsort(-scores, axis=1)[:, :k].astype(np.int32)


@pytest.mark.parametrize(
    ("n", "k", "experts", "size", "skew"),
    [(1, 1, 1, 16, 0), (1, 4, 32, 16, 1), (7, 3, 5, 16, 2), (65, 4, 12, 16, 3), (90, 2, 3, 64, 1)],
)
def test_tiles_hold_every_pair_once(device, rng, n, k, experts, size, skew):
    chosen = choose(rng, n, k, experts, skew)
    tiles = group(torch.from_numpy(chosen).to(device), experts, size)
    of_tile, of_place = tiles.experts.cpu().numpy(), tiles.pairs.cpu().numpy()
    assert tiles.size == size
    assert of_tile.shape == (tile_count(n * k, experts, size),)
    used = int((of_tile >= 0).sum())
    assert (of_tile[used:] == -1).all()
    assert (np.diff(of_tile[:used]) >= 0).all()  # sorted by expert
    expected = []
    for expert in range(experts):
        mine = np.flatnonzero(chosen.reshape(-1) == expert)
        for start in range(0, len(mine), size):
            row = np.full(size, -1, np.int32)
            row[: len(mine[start : start + size])] = mine[start : start + size]
            expected.append((expert, row))
    assert [expert for expert, _ in expected] == of_tile[:used].tolist()
    np.testing.assert_array_equal(of_place[:used], np.stack([row for _, row in expected]))


def test_the_count_of_tiles_is_the_worst_case(rng):
    for _ in range(200):
        experts, size = int(rng.integers(1, 20)), int(rng.integers(1, 9))
        pairs = int(rng.integers(1, 100))
        counts = np.bincount(rng.integers(0, experts, pairs), minlength=experts)
        assert (-(-counts // size)).sum() <= tile_count(pairs, experts, size)
    assert tile_count(3 + 2 * 16, 3, 16) == 5  # reached: 1 + 17 + 17


def test_small_batches_get_small_tiles():
    assert tile_size(64 * 4, 128) == tile_size(64 * 4, 32) == 16
    assert tile_size(2048 * 4, 128) == 64
    assert tile_size(2048 * 4, 32) == 128
