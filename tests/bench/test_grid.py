"""One combination of the grid on the CPU: its row, its table, its kernels."""

import pandas as pd
import pytest

from degradation.bench import grid
from degradation.bench.kernels import Kernel, by_name, kernels, kind, shares
from degradation.training.switches import Switches
from tests.bench.test_bench import SMALL, images  # noqa: F401


def test_switches_from_the_command_line():
    assert grid.switches_of(["counts=none", "streams=false"]) == Switches(counts="none", streams=False)
    for wrong in ("counts=some", "speed=true", "streams", "streams=none"):
        with pytest.raises(ValueError, match=f"{wrong} is no switch; allowed: name=value, such as counts=none"):
            grid.switches_of([wrong])


def test_switches_in_words(monkeypatch):
    monkeypatch.delenv(grid.CONNECTIONS, raising=False)
    assert grid.in_words(Switches()) == "usual"
    monkeypatch.setenv(grid.CONNECTIONS, "32")
    assert grid.in_words(Switches(counts="none", streams=False)) == "streams=False counts=none connections=32"


def test_a_row_of_the_grid(compose_config, images, tmp_path):  # noqa: F811
    (tmp_path / "kernels").mkdir()
    config = compose_config(*SMALL, "depth=[8,14]", "seeds=[0]")
    row = grid.measure(config, images, Switches(counts="none"), grid.TINY, tmp_path)
    assert (row["depths"], row["networks"], row["switches"], row["n"]) == ("8+14", 4, "counts=none", 2)
    assert row["ms_min"] <= row["ms_per_step"] <= row["ms_max"]
    assert row["minutes_of_max_steps"] == pytest.approx(64000 * row["ms_per_step"] / 60000)
    held = pd.read_csv(tmp_path / "kernels" / "fp32-channels_last-False-False-counts=none-8+14-4.csv")
    assert held["calls"].sum() == row["kernels"] == sum(row[f"{kind}_kernels"] for kind in (*grid.KINDS, "other"))
    assert held["milliseconds"].sum() == pytest.approx(row["kernel_ms"], rel=1e-6)
    machine = {"device": "cpu", "data": "random", "cores": 2, "torch_version": "2", "cuda": "", "commit": "c"}
    for _ in range(2):  # the second call replaces the row
        text = grid.write(tmp_path, row | machine)
    assert list(pd.read_csv(tmp_path / "cpu-grid.csv")) == grid.COLUMNS
    assert text == (tmp_path / "cpu-grid.md").read_text()
    assert sum(text_line.startswith("| fp32") for text_line in text.splitlines()) == 1


def test_counting_batches_together_saves_operations(compose_config, images):  # noqa: F811
    config = compose_config(*SMALL, "depth=14", "seeds=[0]")
    counted = {}
    for counts in ("each", "together", "none"):
        engine = grid.graph_engine(config, images, Switches(counts=counts))
        engine.run(0, 1)
        counted[counts] = len(kernels(lambda engine=engine: engine.run(1, 2), "cpu"))
    norms = 13  # at 14 layers, in each of two networks
    assert counted["each"] - counted["none"] == 2 * norms
    assert counted["together"] - counted["none"] == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("void cudnn::bn_fw_tr_1C11_kernel_NCHW<float, float, int, 512>", "batch_norm"),
        ("void at::native::batch_norm_backward_reduce_kernel<float>", "batch_norm"),
        ("triton_red_fused__native_batch_norm_legit_functional_relu_3", "batch_norm"),
        ("void cudnn::ops::nchwToNhwcKernel<float, float, float>", "transpose"),
        ("sm90_xmma_fprop_implicit_gemm_bf16bf16_bf16f32_f32_nhwc", "convolution"),
        ("void at::native::(anonymous namespace)::multi_tensor_apply_kernel<FusedSgd>", "optimizer"),
        ("void at::native::vectorized_elementwise_kernel<4, clamp_min>", "other"),
    ],
)
def test_kernels_by_kind(name, expected):
    assert kind(name) == expected


def test_shares_of_the_time():
    found = [Kernel("bn_fw_tr", 30.0), Kernel("nchwToNhwcKernel", 10.0), Kernel("relu", 60.0), Kernel("relu", 100.0)]
    row = shares(found)
    assert (row["kernels"], row["kernel_ms"], row["batch_norm_share"], row["other_share"]) == (4, 0.2, 0.15, 0.8)
    assert (row["transpose_kernels"], row["optimizer_share"]) == (1, 0)
    assert by_name(found)[0] == {"kind": "other", "calls": 2, "milliseconds": 0.16, "name": "relu"}
