"""The graph engine without a GPU."""

import copy
import dataclasses

import pytest

from degradation.training.graph import GraphEngine


def with_runtime(config, **values):
    """The configuration with other runtime values, unchecked: the graph engine is refused on the CPU."""
    changed = copy.copy(config)
    changed.runtime = dataclasses.replace(config.runtime, **values)
    return changed


@pytest.fixture
def called(monkeypatch):
    """`called(config)`: the same configuration for the graph engine, whose replay is a call of the step."""

    def capture(self):
        self.warm_up()
        return self.step

    monkeypatch.setattr(GraphEngine, "capture", capture)

    return lambda config: with_runtime(config, engine="graph")
