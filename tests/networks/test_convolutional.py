"""What families of convolutional networks say alike."""

import pytest

from degradation.networks.bottleneck_spec import BottleneckNetwork
from degradation.networks.densenet_spec import DenseNetwork
from degradation.networks.unet_spec import UNetwork
from tests.networks.test_specs import refusal

SETTINGS = [
    BottleneckNetwork("bottleneck", 4, "A", "original", "he", 1, None),
    DenseNetwork("densenet", 4, "concatenate", False),
    UNetwork("unet", 4, "concatenate"),
]


@pytest.mark.parametrize("settings", SETTINGS, ids=[settings.family for settings in SETTINGS])
def test_inputs_and_execution(settings):
    name = settings.family
    assert refusal(settings.check_task, "digits", (1, 8, 8), 64) is None
    said = f"network.family={name} takes images and task.name=sine has none; use mlp."
    assert refusal(settings.check_task, "sine", (1,), 1) == said
    usual = {"device": "cpu", "engine": "sequential", "memory_format": "channels_last", "compile_blocks": False}
    assert refusal(settings.check_execution, **usual) is None
    assert refusal(settings.check_execution, **usual | {"device": "cuda", "engine": "graph"}) is None
    assert f"the {name} family are not stacked" in refusal(settings.check_execution, **usual | {"engine": "stacked"})
    said = f"runtime.compile_blocks is for network.family=cifar and it is {name}."
    assert refusal(settings.check_execution, **usual | {"compile_blocks": True}) == said
    assert [settings.default_engine(device, "fp32") for device in ("cpu", "cuda")] == ["sequential", "graph"]
    places = [("cpu", "fp32"), ("cuda", "fp32"), ("cuda", "bf16")]
    formats = [settings.default_memory_format(*place) for place in places]
    assert formats == ["channels_last", "contiguous", "channels_last"]
    assert settings.default_compile_blocks("cuda", "bf16", 64000) is False
    assert settings.source() is None
    assert settings.norm == "batch"
