"""A script that passes a share of instances: the right share, the same ones every time."""

import pytest

from ossay.core.errors import UnknownName, UsageError
from ossay.core.model import Rehearsed
from ossay.core.task import Instance
from ossay.core.types import Message
from ossay.models.scripted import scripted

SCRIPTS = {"reference": (Message("assistant", "yes"),), "do_nothing": (Message("assistant", "no"),)}


def passed(name, seeds=range(2000), task="add"):
    model = scripted(name)
    return [seed for seed in seeds if model.passes(task, seed)]


def test_it_passes_about_the_share_it_is_told():
    for rate in (0.1, 0.7):
        assert abs(len(passed(f"sometimes?rate={rate}")) / 2000 - rate) < 0.03
    assert passed("sometimes?rate=0") == []
    assert len(passed("sometimes?rate=1")) == 2000


def test_the_same_seed_passes_the_same_and_more_with_a_higher_rate():
    assert passed("sometimes?rate=0.5&seed=3") == passed("sometimes?seed=3")
    assert set(passed("sometimes?rate=0.3&seed=3")) < set(passed("sometimes?rate=0.6&seed=3"))
    assert passed("sometimes?seed=3") != passed("sometimes?seed=4")
    assert passed("sometimes?seed=3") != passed("sometimes?seed=3", task="plus")


def test_it_plays_the_script_of_the_instance_under_its_own_name():
    model = scripted("sometimes?rate=0.5&seed=1")
    assert isinstance(model, Rehearsed)
    assert model.card.reference == "scripted/sometimes?rate=0.5&seed=1"
    for seed in range(20):
        player = model.rehearse(Instance("add", seed, "?", scripts=SCRIPTS))
        said = player._message(0, None).content
        assert said == ("yes" if model.passes("add", seed) else "no")
        assert player.card == model.card


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("sometimes?rte=0.5", UnknownName, "no option 'rte'; did you mean 'rate'"),
        ("sometimes?rate=70", UsageError, "rate='70' must be a share from 0 to 1"),
        ("sometimes?rate=nan", UsageError, "rate='nan'"),
        ("sometimes?rate=", UsageError, "rate=''"),
        ("sometimes?seed=-1", UsageError, "seed='-1' must be a whole number"),
        ("sometimes?seed=1e3", UsageError, "seed='1e3'"),
    ],
)
def test_options_that_make_no_sense(name, error, told):
    with pytest.raises(error, match=told):
        scripted(name)
