"""Work that is recorded once, and the sizes for which it is."""

import threading

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


def test_another_thread_may_work_while_a_graph_is_recorded(device):
    """Two models in one process: one serves, the other is being loaded."""
    stop, failed = threading.Event(), []

    def serve():
        here = torch.empty(8, pin_memory=device == "cuda")
        try:
            while not stop.is_set():
                here.copy_(torch.ones(8, device=device) * 2)
                assert here.sum() == 16
        except (RuntimeError, AssertionError) as error:
            failed.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    total = torch.zeros(3, device=device)
    pool = new_pool(total.device)
    graphs = [Graph(lambda: total.add_(1), total.device, pool) for _ in range(5)]
    stop.set()
    thread.join()
    total.zero_()
    for graph in graphs:
        graph.replay()
    assert total.tolist() == [5.0] * 3
    assert not failed
