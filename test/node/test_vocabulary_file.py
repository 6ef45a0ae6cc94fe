# SPDX-License-Identifier: Apache-2.0
"""A robot with an image encoder's weights and a vocabulary file, and nothing else of the model.

The image encoder is the default model's, at full size, with seeded values; no other weights file is on this machine.
"""

import numpy as np
import pytest
from many_starts import outcomes_of
from probe import LATCHED, checkerboard, find, stamp_ns, to_array
from sensor_msgs.msg import Image
from talk2dino_msgs.srv import GetVocabulary, SetVocabulary
from vision_msgs.msg import LabelInfo

from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.engine.vocabulary import Vocabulary

SET, GET = "talk2dino/set_vocabulary", "talk2dino/get_vocabulary"
MODEL, WIDTH = "talk2dino_vitb", 768
IDS = (17, 0, 255)
WORDS = ["door", "extinguisher: red bottle, fire bottle", "!wall"]


def write_vocabulary(path, *, classes=WORDS, ids=(), model=MODEL, projection="", width=WIDTH):
    vectors = np.random.default_rng(0).normal(size=(len(classes), width)).astype(np.float32)
    Vocabulary(parse_classes(classes), vectors, ids, model, projection).save(path)
    return path


@pytest.fixture(scope="module")
def robot(tmp_path_factory):
    """A weights_dir with the image encoder's file alone, and the vocabulary beside it."""
    seeded = pytest.importorskip("talk2dino_ros.engine.bench.seeded", reason="the engine's libraries are not installed")
    folder = tmp_path_factory.mktemp("robot")
    seeded.write_seeded_weights(MODEL, folder, roles=("image",))
    assert [path.name for path in folder.iterdir()] == ["model.safetensors"]
    write_vocabulary(folder / "vocabulary.safetensors", ids=IDS)
    return folder


def of(robot):
    return [
        f"model:={MODEL}", f"weights_dir:={robot}", f"vocabulary_file:={robot / 'vocabulary.safetensors'}",
        "text_cache_dir:=none", "device:=cpu", "input_size:=112", "background:=0.0",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def probe(start_node, make_probe, robot):
    probe = make_probe(start_node(*of(robot), "id_quarantine_s:=3600.0"))
    probe.label_infos = probe.collect(LabelInfo, "talk2dino/label_info", LATCHED)
    probe.masks = probe.collect(Image, "talk2dino/mask")
    probe.wait_until_active()
    return probe


def test_the_node_starts_and_segments_by_the_files_classes_and_ids(probe):
    vocabulary = probe.call(GetVocabulary, GET)
    assert list(vocabulary.classes) == WORDS
    assert (list(vocabulary.ids), vocabulary.model) == ([*IDS], MODEL)
    label_info = probe.wait_for(lambda: probe.label_infos and probe.label_infos[-1], "label_info")
    assert {each.class_id: each.class_name for each in label_info.class_map} == {
        17: "door",
        0: "extinguisher",
    }
    mask = to_array(probe.mask_of(checkerboard(), probe.masks))
    assert set(np.unique(mask)) <= {*IDS}


def test_new_words_are_refused_with_the_missing_files_and_change_nothing(probe, robot):
    before = probe.call(GetVocabulary, GET)
    reply = probe.call(SetVocabulary, SET, classes=["door", "chair"])
    assert not reply.success
    assert "new words need ViT-B-16.pt or " in reply.message
    assert f"and vitb_mlp_infonce.pth, which {robot} does not have; get that from https://" in reply.message
    assert "\n" not in reply.message
    assert repr(probe.call(GetVocabulary, GET)) == repr(before)
    assert reply.version == before.version == stamp_ns(probe.label_infos[-1])


def test_the_vocabulary_can_change_to_other_words_of_the_file(probe):
    reply = probe.call(SetVocabulary, SET, classes=["!door", "bottle: red bottle, fire bottle"])
    assert reply.success, reply.message
    info = probe.wait_for(lambda: find(probe.label_infos, reply.version), "the new label_info")
    assert {each.class_name for each in info.class_map} == {"bottle"}
    assert probe.call(SetVocabulary, SET, classes=WORDS).success


WRONG_FILES = {
    "another model's": ({"width": 768}, "was encoded by talk2dino_vitb with 768 values"),
    "another projection's": (
        {"model": "mini", "width": 1216, "projection": "ab" * 32},
        "projection file of sha256 sum abababababab…, expected the model",
    ),
}
KEEP = "text_encoder keep"


@pytest.fixture(scope="module")
def outcomes(robot, tmp_path_factory):
    """Exit code and output of each wrong start."""
    folder = tmp_path_factory.mktemp("starts")
    starts = {KEEP: [*of(robot), "text_encoder:=keep"]}
    for number, (name, (options, _)) in enumerate(WRONG_FILES.items()):
        path = write_vocabulary(folder / f"wrong_{number}.safetensors", **options)
        starts[name] = ["model:=mini", f"vocabulary_file:={path}", "device:=cpu"]
    return outcomes_of(starts, folder)


@pytest.mark.parametrize("wrong", WRONG_FILES)
def test_a_file_of_another_model_or_projection_ends_the_start_with_a_sentence(outcomes, wrong):
    code, output = outcomes[wrong]
    assert code == 1
    lines = [line for line in output.strip().splitlines() if not line.startswith("[INFO]")]
    assert len(lines) == 1, output
    assert "wrong_" in lines[0]
    assert WRONG_FILES[wrong][1] in lines[0]


def test_keeping_an_absent_text_encoder_ends_the_start_with_a_sentence(outcomes):
    code, output = outcomes[KEEP]
    assert code == 1
    assert "new words need ViT-B-16.pt" in output
    assert "Traceback" not in output
