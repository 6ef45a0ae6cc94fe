# SPDX-License-Identifier: Apache-2.0
"""A robot with an image encoder's weights and a vocabulary file, and nothing else of the model.

The image encoder is the default model's, at full size, with seeded values; no other weights file is on this machine.
"""

import numpy as np
import pytest
from probe import LATCHED, checkerboard, find, stamp_ns, to_array
from sensor_msgs.msg import Image
from talk2dino_msgs.srv import GetVocabulary, SetVocabulary
from vision_msgs.msg import LabelInfo

from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.engine.vocabulary import Vocabulary

SET, GET = "talk2dino/set_vocabulary", "talk2dino/get_vocabulary"
MODEL, WIDTH = "talk2dino_vitb", 768
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
    write_vocabulary(folder / "vocabulary.safetensors")
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


def test_the_node_starts_and_segments_by_the_files_words(probe):
    vocabulary = probe.call(GetVocabulary, GET)
    assert list(vocabulary.classes) == WORDS
    assert (list(vocabulary.ids), vocabulary.model) == ([1, 2, 255], MODEL)
    mask = to_array(probe.mask_of(checkerboard(), probe.masks))
    assert set(np.unique(mask)) <= {1, 2, 255}


def test_new_words_say_what_is_missing_and_where_it_is_and_change_nothing(probe, robot):
    before = probe.call(GetVocabulary, GET)
    reply = probe.call(SetVocabulary, SET, classes=["door", "chair"])
    assert not reply.success
    assert "new words need ViT-B-16.pt or " in reply.message
    assert f"and vitb_mlp_infonce.pth, which {robot} does not have; get that from https://" in reply.message
    assert "\n" not in reply.message
    assert probe.call(GetVocabulary, GET) == before
    assert reply.version == before.version == stamp_ns(probe.label_infos[-1])


def test_words_of_the_file_can_be_chosen_among(probe):
    reply = probe.call(SetVocabulary, SET, classes=["!door", "bottle: red bottle, fire bottle"])
    assert reply.success, reply.message
    info = probe.wait_for(lambda: find(probe.label_infos, reply.version), "the new label_info")
    assert {each.class_name for each in info.class_map} == {"bottle"}
    assert probe.call(SetVocabulary, SET, classes=WORDS).success


def mini_with(path, **options):
    """Parameters of a node that is quicker to start, with a file that `write_vocabulary` writes."""
    write_vocabulary(path, **{"model": "mini", "width": 1216, **options})
    return ["model:=mini", f"vocabulary_file:={path}", "device:=cpu"]


def test_ids_that_the_file_chose_are_taken(start_node, make_probe, tmp_path):
    process = start_node(*mini_with(tmp_path / "ids.safetensors", ids=(17, 0, 255)), namespace="/ids")
    probe = make_probe(process, namespace="/ids")
    infos = probe.collect(LabelInfo, "talk2dino/label_info", LATCHED)
    probe.wait_for(lambda: infos, "label_info")
    assert {each.class_id: each.class_name for each in infos[-1].class_map} == {17: "door", 0: "extinguisher"}
    process.stop()


WRONG_FILES = {
    "another model's": ({"model": "talk2dino_vitb", "width": 768}, "was encoded by talk2dino_vitb with 768 values"),
    "another projection's": (
        {"projection": "ab" * 32},
        "projection file of sha256 sum abababababab…, expected the model",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_FILES)
def test_a_file_that_was_encoded_otherwise_ends_the_start_with_a_sentence(start_node, tmp_path, wrong):
    options, sentence = WRONG_FILES[wrong]
    path = tmp_path / "wrong.safetensors"
    process = start_node(*mini_with(path, **options))
    assert process.wait() == 1
    lines = [line for line in process.output.strip().splitlines() if not line.startswith("[INFO]")]
    assert len(lines) == 1, process.output
    assert f"{path} was encoded" in lines[0]
    assert sentence in lines[0]


def test_keeping_a_text_encoder_that_is_not_there_ends_the_start_with_a_sentence(start_node, robot):
    process = start_node(*of(robot), "text_encoder:=keep")
    assert process.wait() == 1
    assert "new words need ViT-B-16.pt" in process.output
    assert "Traceback" not in process.output
