"""What is said of networks without building them: every edge, and numbers counted on what is built."""

import re
import sysconfig

import pytest
import torch
from torch import nn

from degradation.checks import ConfigError
from degradation.networks import cifar_spec
from degradation.networks import compiler as compiler_module
from degradation.networks.cifar_spec import CifarNetwork
from degradation.networks.compiler import missing_for_compilation, missing_for_kernels
from degradation.networks.layers import Affine
from degradation.networks.mlp_spec import MLPNetwork
from degradation.networks.sums import check_sum


def cifar(width=16, shortcut="A", **changed):
    return CifarNetwork("cifar", width, shortcut, **changed)


def mlp(span=3, **changed):
    return MLPNetwork(**({"family": "mlp", "width": 5, "span": span, "init": "he", "norm": "none"} | changed))


def refusal(check, *values, **named):
    """The sentence with which a check refuses, or None."""
    try:
        check(*values, **named)
    except ConfigError as error:
        return str(error)
    return None


def test_depths_that_there_are():
    assert [depth for depth in range(-7, 40) if not refusal(cifar().check_depth, depth)] == [8, 14, 20, 26, 32, 38]
    assert [depth for depth in range(-7, 12) if not refusal(mlp().check_depth, depth)] == [1, 4, 7, 10]
    assert [depth for depth in range(-7, 5) if not refusal(mlp(1).check_depth, depth)] == [1, 2, 3, 4]
    for depth, end in ((2, "the smallest is 8."), (7, "the smallest is 8."), (9, "the nearest are 8 and 14."),
                       (19, "the nearest are 14 and 20.")):  # fmt: skip
        assert refusal(cifar().check_depth, depth).endswith(end)
    assert refusal(mlp().check_depth, 0) == "depth is 0; the smallest network has depth 1."
    assert refusal(mlp().check_depth, 6).endswith("make depths 1 + 3m: the nearest are 4 and 7.")
    assert refusal(mlp(2).check_depth, 2).endswith("make depths 1 + 2m: the nearest are 1 and 3.")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cifar(0), "network.width is 0"),
        (lambda: cifar(1, "D"), "network.shortcut is 'D'; allowed: none, A, B, C."),
        (lambda: cifar(init="default"), "network.init is 'default'; allowed: he, he_zero_last, dirac, "),
        (lambda: cifar(shortcut_scale=0.0), "network.shortcut_scale is 0.0"),
        (lambda: cifar(shortcut_scale=0.0), "shortcuts that count nothing are none: use the variant plain."),
        (lambda: cifar(branch_scale=-1.0), "network.branch_scale is -1.0"),
        (lambda: cifar(gate="highway"), "network.gate is 'highway'; allowed: none, exclusive, shortcut_only."),
        (lambda: cifar(shortcut="none", gate="exclusive"), "(network.shortcut=none) has no sum to gate."),
        (lambda: cifar(gate="exclusive", gate_bias=0.5), "network.gate_bias is 0.5; it must lie between -10 (open"),
        (lambda: cifar(gate="exclusive", gate_bias=-10.5), "network.gate_bias is -10.5; it must lie between -10"),
        (lambda: cifar(gate="exclusive", gate_bias=float("nan")), "network.gate_bias is nan; it must lie between"),
        (lambda: cifar(gate_bias=-1.0), "network.gate_bias is -1.0 with network.gate=none, which has no bias."),
        (
            lambda: cifar(order="pre"),
            "network.order is 'pre'; allowed: original, bn_after, relu_before, relu_only, full.",
        ),
        (lambda: cifar(shortcut="B", order="full"), "network.order=full with projections as shortcuts"),
        (lambda: cifar(shortcut="C", order="relu_only"), "(network.shortcut=C) is not made; use network.shortcut=A."),
        (lambda: cifar(order="relu_before", init="he_zero_last"), "would start branches at a ReLU of zero"),
        (lambda: cifar(dropout=1.0), "network.dropout is 1.0; it must be at least 0 and below 1."),
        (lambda: cifar(shortcut_dropout=-0.1), "network.shortcut_dropout is -0.1; it must be at least 0 and below 1."),
        (
            lambda: cifar(shortcut="none", shortcut_dropout=0.5),
            "(network.shortcut=none) has none to drop and cannot do without a branch.",
        ),
        (lambda: cifar(shortcut="none", shortcut_scale=0.5), "has no sum to scale"),
        (lambda: cifar(shortcut="none", init="he_zero_last"), "network.init=he_zero_last is for networks with short"),
        (lambda: mlp(width=0), "network.width is 0"),
        (lambda: mlp(0), "network.span is 0"),
        (lambda: mlp(init="zero"), "network.init is 'zero'; allowed: default, he, he_default_bias, he_zero_last, "),
        (lambda: mlp(norm="group"), "network.norm is 'group'"),
        (lambda: mlp(shortcut="A"), "network.shortcut is 'A'; allowed: none, identity, gate."),
        (lambda: mlp(gain=0.0), "network.gain is 0.0; it must be a positive number"),
        (lambda: mlp(gain=0.5, init="default"), "network.gain is 0.5; it is a factor of the weights that network.init"),
        (lambda: mlp(shortcut_scale=float("inf")), "network.shortcut_scale is inf"),
        (lambda: mlp(shortcut="none", init="he_zero_last"), "network.init=he_zero_last is for networks with short"),
    ],
)
def test_settings_that_are_refused(make, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        make()


def test_settings_at_the_edge_are_taken():
    assert [cifar(1, kind, init="he").width for kind in ("none", "A", "B", "C")] == [1] * 4
    assert cifar(shortcut="A", init="he_zero_last", branch_scale=0.1, shortcut_scale=3.0).norm == "batch"
    assert [cifar(gate=kind, gate_bias=-10.0).gate for kind in ("exclusive", "shortcut_only")]
    assert [cifar(shortcut="C", order=order).order for order in ("bn_after", "relu_before")]
    assert [cifar(order=order, init="he_zero_last").order for order in ("bn_after", "relu_only", "full")]
    assert [cifar(shortcut="none", order=order).order for order in cifar_spec.ORDERS]
    free = [cifar(norm=norm, init=init) for norm, fitting in cifar_spec.INITS.items() for init in fitting[:1]]
    assert [network.norm for network in free] == ["batch", "none", "skipinit", "fixup"]
    assert cifar(shortcut="none", norm="none").norm == "none"
    assert mlp(1, width=1, init="he_zero_last", shortcut_scale=0.5).shortcut == "identity"
    scales = [("none", 1, 1), ("none", 1, 2), ("none", 2, 1), ("identity", 2, 2), ("A", 1, 2)]
    assert [refusal(check_sum, *chosen, "he") is None for chosen in scales] == [True, False, False, True, True]


def test_what_the_families_take():
    assert refusal(cifar().check_task, "sine", (1,), 1) == (
        "network.family=cifar takes images and task.name=sine has none; use mlp."
    )
    assert refusal(cifar().check_task, "sequence", (3, 8), 1)
    assert refusal(cifar().check_task, "digits", (1, 8, 8), 10) is None
    assert [refusal(mlp().check_task, "any", shape, 5) for shape in ((1,), (3, 8, 8))] == [None, None]


def test_execution_that_is_refused():
    usual = {"device": "cpu", "engine": "sequential", "memory_format": "contiguous", "compile_blocks": False}
    last, blocks, stacked = {"memory_format": "channels_last"}, {"compile_blocks": True}, {"engine": "stacked"}
    cuda = {"device": "cuda"}

    def allowed(network, *changes):
        return [refusal(network.check_execution, **usual | change) is None for change in changes]

    every = ({}, last, blocks, stacked, cuda | last, cuda | blocks, cuda | stacked)
    for safe in (cifar(), cifar(16, "B"), cifar(15, "A"), cifar(15, "none")):
        assert allowed(safe, *every) == [True, True, True, False, True, True, False]
    for unsafe in (cifar(15, "B"), cifar(15, "C")):
        assert allowed(unsafe, *every) == [True, False, False, False, True, True, False]
    assert allowed(mlp(), *every) == [True, False, False, True, False, False, True]
    graph = cuda | {"engine": "graph"}
    for network in (cifar(), cifar(15, gate="exclusive")):
        assert allowed(network, graph, graph | blocks, last) == [True, True, True]
    for key, value in (("dropout", 0.1), ("shortcut_dropout", 0.1), ("survival", 0.9)):
        network = cifar(**{key: value})
        assert allowed(network, {}, last, graph, blocks) == [True, True, False, False]
        assert refusal(network.check_execution, **usual | graph).startswith(f"network.{key} draws on the CPU")


def test_what_the_families_choose(monkeypatch):
    monkeypatch.setattr(cifar_spec, "missing_for_compilation", lambda device: None)
    for network, expected in ((cifar(), "sequential graph"), (mlp(), "stacked stacked")):
        assert " ".join(network.default_engine(device, "fp32") for device in ("cpu", "cuda")) == expected
    assert [mlp().default_engine(device, "bf16") for device in ("cpu", "cuda")] == ["sequential"] * 2
    formats = [(cifar(15, "B"), "cpu", "fp32"), (cifar(16, "B"), "cpu", "fp32"), (cifar(15, "B"), "cuda", "bf16"),
               (cifar(), "cuda", "fp32"), (mlp(), "cuda", "bf16")]  # fmt: skip
    last = [network.default_memory_format(device, precision) for network, device, precision in formats]
    assert last == ["contiguous", "channels_last", "channels_last", "contiguous", "contiguous"]
    chosen = [("cuda", "fp32", 20000), ("cuda", "fp32", 19999), ("cuda", "fp64", 20000), ("cpu", "fp32", 20000)]
    assert [cifar().default_compile_blocks(*values) for values in chosen] == [True, False, False, False]
    assert mlp().default_compile_blocks("cuda", "fp32", 20000) is False
    for network in (cifar(dropout=0.1), cifar(shortcut_dropout=0.1), cifar(survival=0.9)):
        assert network.default_engine("cuda", "fp32") == "sequential"
        assert network.default_compile_blocks("cuda", "fp32", 20000) is False
    monkeypatch.setattr(cifar_spec, "missing_for_compilation", lambda device: "no compiler")
    assert cifar().default_compile_blocks("cuda", "fp32", 20000) is False


@pytest.mark.parametrize(("depth", "shape"), [(8, (1, 8, 8)), (14, (3, 8, 4))])
def test_numbers_of_a_cifar_network_are_counted_on_its_layers(depth, shape):
    settings, sizes, products = cifar(4), [], []

    def note(module, inputs, output):
        sizes.append(output[0].numel())
        products.append(output[0, 0].numel() * module.weight.numel())

    network = settings.module(shape=shape, outputs=7, depth=depth)
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    for layer in layers:
        layer.register_forward_hook(note)
    assert network(torch.zeros(2, *shape)).shape == (2, 7)
    assert settings.layer_sizes(depth, shape) == sizes
    assert settings.weights(depth) == sum(layer.weight.numel() for layer in layers[1:])
    unchanged = [count for count, layer in zip(products, layers, strict=True) if layer.stride == (1, 1)]
    assert set(unchanged[1:]) == {settings.layer_multiply_adds(shape)}


def test_numbers_of_an_mlp():
    settings = mlp()
    network = settings.module(shape=(2, 3), outputs=4, depth=7)
    layers = [layer.weight.shape for layer in network.modules() if isinstance(layer, Affine)]
    assert layers == [(5, 6), *[(5, 5)] * 6, (4, 5)]
    assert settings.layer_sizes(7, (2, 3)) == [5] * 7
    assert settings.weights(7) == 7 * 25
    assert settings.layer_multiply_adds((2, 3)) == 25


@pytest.mark.parametrize(
    ("device", "environment", "there", "missing"),
    [
        ("cpu", {}, {"g++"}, None),
        ("cpu", {}, {"gcc", "clang"}, "there is no g++; install one, or set CXX."),
        ("cuda", {}, {"clang"}, None),
        ("cuda", {}, {"gcc"}, None),
        ("cuda", {}, {"g++"}, "there is no gcc or clang; install one, or set CC."),
        ("cpu", {"CXX": "icx"}, {"g++"}, "there is no icx; install one, or set CXX."),
        ("cpu", {"CXX": "icx", "CC": "no"}, {"icx"}, None),
        ("cuda", {"CC": "icx"}, {"gcc"}, "there is no icx; install one, or set CC."),
    ],
)
def test_what_compilation_lacks(device, environment, there, missing, monkeypatch, tmp_path):
    for name in ("CC", "CXX"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(compiler_module.shutil, "which", lambda name: f"/bin/{name}" if name in there else None)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / name))
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "Python.h").touch()
    found = missing_for_compilation(device)
    assert found is None if missing is None else found == f"runtime.compile_blocks needs a compiler and {missing}"
    (tmp_path / "include" / "Python.h").unlink()
    if missing is None:
        assert missing_for_compilation(device).endswith(f"there is no Python.h in {tmp_path / 'include'}.")


def test_what_our_kernels_lack(monkeypatch):
    monkeypatch.setattr(compiler_module, "find_spec", lambda name: None)
    assert missing_for_kernels() == (
        "runtime.small_convolutions needs Triton, which torch's builds for CUDA bring along; use auto or false."
    )
    monkeypatch.setattr(compiler_module, "find_spec", lambda name: name)
    monkeypatch.setenv("CC", "no-such-compiler")
    assert missing_for_kernels() == (
        "runtime.small_convolutions needs a compiler and there is no no-such-compiler; install one, or set CC."
    )
