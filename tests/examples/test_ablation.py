"""The ablation in short: gradients are right, the network learns, and weights do what the experiment says they do."""

from __future__ import annotations

import numpy as np
import pytest

from examples import ablation
from examples.ablation import OTHERS, PREDICTED, SOIL, Network, Samples, Sizes, compare, make_world, spoil, take, weigh

SHORT = Sizes(number=4, years=2, pretraining=1500, fine_tuning=600)


@pytest.fixture(scope="module")
def world() -> ablation.World:
    return make_world(SHORT)


def test_gradients_are_those_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    inputs, changes, weights = rng.normal(size=(20, 5)), rng.normal(size=(20, 3)), np.array([1.0, 10.0, 0.0])
    network = Network(5, 3, seed=1)
    found = network._gradients(inputs, changes, weights)

    def loss() -> float:
        return float((weights * (network.predict(inputs) - changes) ** 2).mean())

    for parameter, gradient in zip(network.parameters, found, strict=True):
        for place in ((0,) * parameter.ndim, (-1,) * parameter.ndim):
            kept = parameter[place]
            parameter[place] = kept + 1e-5
            above = loss()
            parameter[place] = kept - 1e-5
            assert gradient[place] == pytest.approx((above - loss()) / 2e-5, rel=1e-4, abs=1e-9)
            parameter[place] = kept


def test_the_network_learns_what_can_be_learnt() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(2000, 4))
    changes = np.repeat(np.tanh(inputs[:, :1] - inputs[:, 1:2]), len(PREDICTED), axis=1)
    network = Network(4, len(PREDICTED), seed=0)
    network.train(Samples(inputs, changes), np.ones(len(PREDICTED)), steps=1500, rate=1e-2, seed=0)
    assert ablation.skill(network, Samples(inputs, changes)) > 0.95


def test_faults_are_in_the_soil_alone(world) -> None:
    for fault in ablation.FAULTS:
        changed = spoil(world, fault, 1) - world.later
        soil = [ablation.INDEX[name] for name in SOIL]
        assert (np.delete(changed, soil, axis=1) == 0).all()
        assert (changed[:, soil] != 0).any()
        assert ("drifted" in fault) == (changed[:, soil].mean() > changed[:, soil].std() / 2)


def test_noise_that_is_weighed_much_harms_the_others(world) -> None:
    """As docs/weights.md tells, in short: the soil is noisy, and a tenth of its weight is better for the rest."""
    choices = {"present": dict.fromkeys(SOIL, 10.0), "a tenth": dict.fromkeys(SOIL, 1.0)}
    found = compare(world, spoil(world, "noisy", 0), choices, SHORT, 0)
    assert found.keys() == {"not fine-tuned", *choices}
    for where in ("new", "old"):
        assert found["a tenth"][where] > found["present"][where]


def test_weights_and_samples(world) -> None:
    weights = weigh({"swvl1": 3.0})
    assert weights[PREDICTED.index("swvl1")] == 3
    assert (weights[OTHERS] == 1).all()
    own, rest = take(world.later, SHORT), take(world.later, SHORT, rest=True)
    assert len(own) + len(rest) == len(world.later)
    np.testing.assert_array_equal(own[:4], world.later[[0, 1, 10, 11]])


@pytest.mark.slow
def test_what_is_suggested_is_tried(tmp_path, world) -> None:
    found = ablation.run(SHORT._replace(number=8, years=4), 1)
    for fault in ablation.FAULTS:
        suggested = found[fault]["weights"]["suggested"]
        assert all(0.99 <= suggested[name] <= 10 for name in SOIL)
        assert set(found[fault]["skill"]) == {"not fine-tuned", "present", "suggested", "as the others", "none"}
