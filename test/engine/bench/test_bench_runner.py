# SPDX-License-Identifier: Apache-2.0
"""A run on a machine without a GPU, with `mini`: what is written, and what is refused."""

import json
from dataclasses import replace

import pytest
import torch

from talk2dino_ros.cli.main import main
from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.bench.bench_runner import chosen_rows, run_rows
from talk2dino_ros.engine.bench.gpu_rows import GPU_ROWS, backbone_flop
from talk2dino_ros.engine.bench.subject import load_subject
from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.selfcheck.stage_check import STAGES
from talk2dino_ros.viz.pictures import read_picture


@pytest.fixture(scope="module")
def subject():
    photos = [read_picture(PHOTOS / "coffee.jpg")]
    return load_subject("mini", device="cpu", precision="auto", weights_dir=None, seeded=False, photos=photos)


def test_rows_of_a_gpu_are_in_the_table_without_a_figure(subject, tmp_path):
    path = run_rows(subject, ["gpu_frame"], tmp_path)
    row = json.loads(path.read_text())["rows"]["gpu_frame"]
    assert (row["said"], row["met"], row["figures"]) == ("no GPU here", None, {})
    assert "3 ms or less" in path.with_suffix(".md").read_text()


def test_the_file_says_what_the_self_check_found(subject, tmp_path, capsys):
    """Figures of a path that computes something else are none."""
    facts = json.loads(run_rows(subject, ["gpu_frame"], tmp_path).read_text())
    assert [each["stage"] for each in facts["self_check"]["stages"]] == list(STAGES)
    assert "self-check: the fast path computes what plain fp32 PyTorch does" in capsys.readouterr().out


def test_the_stages_of_a_frame_are_found(subject, tmp_path):
    facts = json.loads(run_rows(subject, ["stages"], tmp_path).read_text())
    stages = facts["rows"]["stages"]["figures"]["median_s"]
    assert stages["PAMR"]["refine"] > stages["no PAMR"].get("refine", 0.0)
    assert stages["no PAMR"]["backbone"] > 0


def test_a_soak_states_the_memory_at_its_start_and_end(subject, tmp_path):
    path = run_rows(subject, [], tmp_path, soak_frames=30)
    figures = json.loads(path.read_text())["rows"]["soak"]["figures"]
    assert figures["frames"] == 30
    assert len(figures["resident_bytes"]) >= 2
    assert all(value > 1e8 for value in figures["resident_bytes"])  # torch alone is larger


def test_no_name_chooses_every_row_and_a_wrong_one_is_refused():
    names = [row.name for row in chosen_rows([])]
    assert {"image", "pamr_5", "pamr_20", "fast", "classes", "gpu_frame"} <= set(names)
    assert [row.name for row in chosen_rows(["fast", "image"])] == ["image", "fast"]
    with pytest.raises(ModelError, match="speed"):
        chosen_rows(["speed"])


def test_the_backbones_arithmetic_is_counted_as_by_hand(subject):
    class Network:
        embed_dim, blocks, num_prefix_tokens = 768, range(12), 5

    class Encoder:
        network, patch_size = Network, 14

    class Baseline:
        image_encoder, side = Encoder, 448

    class Vit:
        baseline = Baseline

    # 12 blocks of 12 * 768^2 * 1029 and 2 * 1029^2 * 768, and 1024 patches of 588 x 768; twice for adding
    assert backbone_flop(Vit) == pytest.approx(214.8e9, rel=1e-3)
    assert backbone_flop(subject) is None


def test_memory_is_that_of_the_gpu_that_is_measured(monkeypatch):
    asked = []

    class Second:
        """A subject on the second GPU, that does nothing."""

        device = "cuda:1"
        photo = vocabulary = segment = staticmethod(lambda *_: None)
        segmenter = property(lambda self: self)

        def with_options(self, **_):
            return self

    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", asked.append)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: asked.append(device) or 1_500_000_000)
    row = next(row for row in GPU_ROWS if row.name == "gpu_large")
    assert row.measure(Second()).figures["peak_bytes"] == 1_500_000_000
    assert asked == ["cuda:1", "cuda:1"]


def test_recorded_graphs_are_in_a_file_of_their_own_that_says_so(subject, tmp_path):
    recorded = replace(subject, cuda_graphs=True)
    plain, graphs = (run_rows(each, ["gpu_frame"], tmp_path) for each in (subject, recorded))
    assert [json.loads(path.read_text())["cuda_graphs"] for path in (plain, graphs)] == [False, True]
    assert "recorded in CUDA graphs" in graphs.with_suffix(".md").read_text()
    assert "recorded in CUDA graphs" not in plain.with_suffix(".md").read_text()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--rows", "speed"], "rows has 'speed'"),
        (["--soak", "0"], "soak is 0"),
        (["--model", "big"], "'big'"),
        (["--device", "cpu", "--cuda-graphs"], "cuda_graphs was asked for with device cpu"),
    ],
)
def test_a_wrong_argument_is_one_sentence(arguments, part, tmp_path, capsys):
    assert main(["bench", "--model", "mini", *arguments, "--output", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert part in said
    assert len(said.strip().splitlines()) == 1


def test_random_weights_are_never_taken_unasked(tmp_path, capsys):
    assert main(["bench", "--model", "talk2dino_vitb", "--weights-dir", str(tmp_path)]) == 1
    assert "expected one of them" in capsys.readouterr().err
