"""Work that is recorded once, and the sizes for which it is."""

import pytest
import torch

from ossay.engine.kernels.cuda.graphs import MOST, Graph, bucket, buckets, new_pool


def test_a_batch_goes_to_the_smallest_bucket_that_holds_it():
    assert [bucket(n) for n in (1, 2, 3, 9, 25, 64, 65, MOST)] == [1, 2, 4, 16, 32, 64, 96, MOST]
    assert bucket(MOST + 1) is None


@pytest.mark.parametrize(
    ("most", "last", "count"), [(1, 1, 1), (5, 8, 4), (64, 64, 9), (65, 96, 10), (9999, MOST, 15)]
)
def test_graphs_are_made_up_to_what_may_run_at_once(most, last, count):
    assert (buckets(most)[-1], len(buckets(most))) == (last, count)


def test_what_is_replayed_reads_what_lies_there_now(device):
    left, right = (torch.full((3,), 7.0, device=device) for _ in "lr")
    total = torch.full((3,), torch.nan, device=device)
    graph = Graph(
        lambda: torch.add(left, right, out=total), torch.device(device), new_pool(left.device)
    )
    for value in (1.0, 2.0):
        left.fill_(value)
        graph.replay()
        assert total.tolist() == [value + 7.0] * 3
