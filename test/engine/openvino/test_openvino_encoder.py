# SPDX-License-Identifier: Apache-2.0
"""The image encoder by OpenVINO: torch's features, converted once, and a stream that goes on meanwhile."""

import hashlib
import logging
import threading

import pytest
import torch
from exported_models import tiny_row

from talk2dino_ros.engine.errors import ModelError, WeightsError
from talk2dino_ros.engine.models.agreement import smallest_cosine
from talk2dino_ros.engine.models.networks import find_checkpoint
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.openvino import openvino_encoder, openvino_network
from talk2dino_ros.engine.runtime.openvino_library import cpu_computes_in

pytest.importorskip("openvino", reason="pip install -r tools/requirements/engine.txt is missing")
SIZE = (70, 98)


def plain(tiny):
    return tiny.row.load_image_encoder(tiny.checkpoints, torch.float32)


def no_loading(*_arguments):
    pytest.fail("the weights were read, though what was converted is kept")


def images(count=1, size=SIZE):
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_features_and_attention_are_those_of_torch(tiny, opened, precision):
    if not cpu_computes_in(precision):
        pytest.skip(f"this CPU does not compute in {precision}")
    encoder = opened(precision)
    assert (encoder.patch_size, encoder.has_attention) == (14, True)
    with torch.inference_mode():
        found, expected = encoder(images(3), return_attention=True), plain(tiny)(images(3), return_attention=True)
    assert found.patch_features.shape == (3, 48, 5, 7)
    assert found.cls_attention.shape == (3, 3, 35)
    assert smallest_cosine(found, expected) >= (0.999 if precision == "bf16" else 0.999999)
    if precision == "fp32":
        torch.testing.assert_close(found.patch_features, expected.patch_features, rtol=0, atol=1e-4)


def test_attention_comes_only_when_asked_for_and_with_the_same_features(opened):
    encoder = opened()
    assert encoder(images()).cls_attention is None
    encoder._convert_beside(openvino_encoder.Key(*SIZE, True))
    asked = encoder(images(), return_attention=True)
    assert asked.cls_attention is not None
    torch.testing.assert_close(asked.patch_features, encoder(images()).patch_features, rtol=0, atol=1e-4)


def test_dinov3_with_its_rotary_positions_has_the_features_of_torch(tmp_path, seed):
    row = tiny_row("talk2dinov3_vitb", tmp_path, seed)
    checkpoints = {"image": find_checkpoint(row, "image", tmp_path)}
    with torch.inference_mode():
        found = openvino_encoder.open_openvino(row, checkpoints, "fp32")(images(1, (64, 96)), True)
        expected = row.load_image_encoder(checkpoints, torch.float32)(images(1, (64, 96)), True)
    assert smallest_cosine(found, expected) >= 0.999999


def test_mini_with_its_real_weights_has_the_features_of_torch():
    row = MODELS["mini"]
    checkpoints = {"image": find_checkpoint(row, "image")}
    encoder = openvino_encoder.open_openvino(row, checkpoints, "fp32")
    with torch.inference_mode():
        found = encoder(images(1, (64, 96)))
        expected = row.load_image_encoder(checkpoints, torch.float32)(images(1, (64, 96)))
    assert not encoder.has_attention
    assert smallest_cosine(found, expected) >= 0.9999


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_one_that_cannot_be_kept_has_the_same_features_to_the_bit_as_one_that_is_read(opened, monkeypatch, precision):
    if not cpu_computes_in(precision):
        pytest.skip(f"this CPU does not compute in {precision}")
    kept = opened(precision)(images()).patch_features
    monkeypatch.setattr(openvino_encoder.Blobs, "read", lambda self, key: None)
    monkeypatch.setattr(openvino_encoder.Blobs, "write", lambda *_: False)
    assert torch.equal(opened(precision)(images()).patch_features, kept)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_image_has_the_same_features_to_the_bit_in_each_place_of_a_batch(opened, precision):
    if not cpu_computes_in(precision):
        pytest.skip(f"this CPU does not compute in {precision}")
    encoder = opened(precision)
    together = encoder(images(4)).patch_features
    for number, image in enumerate(images(4).split(1)):
        assert torch.equal(encoder(image).patch_features[0], together[number])


def test_a_converted_encoder_serves_the_next_start_without_the_weights(opened, monkeypatch):
    first = opened()(images(), return_attention=True)
    monkeypatch.setattr(openvino_encoder, "_load_plain", no_loading)
    second = opened()
    assert (second.patch_size, second.has_attention) == (14, True)
    again = second(images(), return_attention=True)
    assert torch.equal(again.patch_features, first.patch_features)
    assert torch.equal(again.cls_attention, first.cls_attention)


def test_other_weights_precision_versions_or_code_are_converted_anew(tiny, tmp_path, seed, monkeypatch):
    def subject(row=tiny.row, sums=("1" * 64,), precision="fp32"):
        return openvino_encoder.subject_of(row, sums, precision)

    shallower = tiny_row("talk2dino_vitb", tmp_path, seed, depth=2)
    found = [subject(), subject(precision="bf16"), subject(sums=("2" * 64,)), subject(row=shallower)]
    monkeypatch.setattr(openvino_encoder.library(), "__version__", "1")
    found.append(subject())
    monkeypatch.setattr(openvino_encoder, "_SOURCES", ("models/vit.py",))
    found.append(subject())
    assert len(set(found)) == len(found)


def test_the_sums_are_those_of_the_weights_files(tiny, opened):
    path = tiny.checkpoints["image"].path
    assert opened().weights_sums == (hashlib.sha256(path.read_bytes()).hexdigest(),)


def test_a_damaged_file_is_said_and_converted_anew(opened, empty_cache, caplog):
    expected = opened()(images()).patch_features
    (file,) = empty_cache.glob("*.blob")
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], bytes([whole[0] ^ 1]) + whole[1:], b""):
        file.write_bytes(damaged)
        caplog.clear()
        assert torch.equal(opened()(images()).patch_features, expected)
        assert f"{file} cannot be used" in caplog.text
        assert "nothing is lost" in caplog.text
        assert len(file.read_bytes()) == len(whole)


def test_an_undamaged_file_that_openvino_refuses_is_said_in_one_line_and_converted_anew(opened, empty_cache, caplog):
    """So it may be with one that another build of the same version has made."""
    encoder = opened()
    expected = encoder(images()).patch_features
    key = openvino_encoder.Key(*SIZE, False)
    assert encoder._blobs.write(key, encoder._traits, lambda file: file.write(b"of another build" * 100))
    assert torch.equal(opened()(images()).patch_features, expected)
    (said,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    (file,) = empty_cache.glob("*.blob")
    assert said.startswith(f"{file} cannot be used ([CPU] Cannot import compiled blob: ")
    assert said.endswith("), so that its size is converted again; nothing is lost")
    assert "\n" not in said


def test_a_folder_that_cannot_be_written_is_said_and_images_are_encoded_all_the_same(tiny, opened, empty_cache, caplog):
    empty_cache.parent.mkdir(parents=True)
    empty_cache.write_text("a file where the folder should be")  # whoever is root may write to any folder
    found = opened()(images())
    assert smallest_cosine(found, plain(tiny)(images())) >= 0.9999
    assert "cannot be kept" in caplog.text
    assert "XDG_CACHE_HOME" in caplog.text


def test_weights_that_do_not_fit_show_at_the_start(tiny, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"no weights")
    checkpoint = find_checkpoint(tiny.row, "image", tmp_path)
    with pytest.raises(WeightsError):
        openvino_encoder.open_openvino(tiny.row, {"image": checkpoint}, "fp32")


def test_weights_that_were_replaced_are_not_mixed_with_what_was_converted(tmp_path, seed):
    row = tiny_row("talk2dino_vitb", tmp_path, seed)
    encoder = openvino_encoder.open_openvino(row, {"image": find_checkpoint(row, "image", tmp_path)}, "fp32")
    encoder(images())
    tiny_row("talk2dino_vitb", tmp_path, seed, number=1)
    with pytest.raises(WeightsError, match="has changed since the model was loaded"):
        encoder(images(1, (28, 28)))


@pytest.fixture
def gate(monkeypatch):
    """Conversions that begin when they are told to."""
    opened, convert = threading.Event(), openvino_encoder.convert

    def wait_and_convert(*arguments):
        assert opened.wait(60)
        return convert(*arguments)

    monkeypatch.setattr(openvino_encoder, "convert", wait_and_convert)
    yield opened
    opened.set()


def test_a_new_size_goes_through_torch_until_it_is_converted_beside_the_stream(tiny, opened, gate):
    encoder, expected = opened(), plain(tiny)
    gate.set()
    encoder(images())
    assert encoder._plain is None  # its weights are those of OpenVINO now
    gate.clear()
    new = images(1, (56, 56))
    with torch.inference_mode():
        for _ in range(3):
            assert torch.equal(encoder(new).patch_features, expected(new).patch_features)
        assert encoder(images()).patch_features.shape == (1, 48, 5, 7)
        gate.set()
        encoder.wait()
        converted = encoder(new).patch_features
    assert encoder._plain is None
    assert not torch.equal(converted, expected(new).patch_features)
    torch.testing.assert_close(converted, expected(new).patch_features, rtol=0, atol=1e-4)


def test_a_size_that_comes_once_is_not_converted(opened):
    encoder = opened()
    encoder(images())
    encoder(images(1, (56, 56)))
    assert encoder._conversion is None


def test_a_size_that_cannot_be_converted_beside_the_stream_is_said_and_stays_with_torch(
    tiny, opened, monkeypatch, caplog
):
    encoder = opened()
    encoder(images())

    def refuse(*_arguments):
        raise ModelError("OpenVINO does not take it")

    monkeypatch.setattr(openvino_encoder, "convert", refuse)
    new = images(1, (56, 56))
    with torch.inference_mode():
        for _ in range(4):
            assert torch.equal(encoder(new).patch_features, plain(tiny)(new).patch_features)
            encoder.wait()
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1
    assert "OpenVINO does not take it; images of this size go through torch" in caplog.text


def test_features_that_are_not_those_of_torch_are_refused(opened, monkeypatch):
    monkeypatch.setattr(openvino_network, "smallest_cosine", lambda *_features: 0.9)
    with pytest.raises(ModelError, match=r"at 98x70 pixels has a cosine of 0.90000 with torch in fp32, expected 0.999"):
        opened()(images())


def test_only_the_last_sizes_stay_in_memory(opened, monkeypatch):
    monkeypatch.setattr(openvino_encoder, "NETWORKS", 2)
    encoder = opened()
    sizes = [(28, 28), (28, 42), (42, 28)]
    for size in sizes:
        encoder._convert_beside(openvino_encoder.Key(*size, False))
    assert [(key.height, key.width) for key in encoder._networks] == sizes[1:]
    encoder(images(1, sizes[0]))  # read from the disk again
    assert [(key.height, key.width) for key in encoder._networks] == [sizes[2], sizes[0]]


def test_two_threads_get_their_own_features(opened):
    encoder = opened()
    first, second = images(1), 1 - images(1)
    expected = [encoder(each).patch_features for each in (first, second)]
    wrong = []

    def run(image, features):
        wrong.extend(1 for _ in range(20) if not torch.equal(encoder(image).patch_features, features))

    threads = [threading.Thread(target=run, args=each) for each in zip((first, second), expected, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_another_device_is_refused(opened):
    with pytest.raises(ModelError, match="backend is 'openvino' and the device cuda:0, expected cpu"):
        opened().to("cuda:0")


def test_a_precision_that_the_cpu_does_not_compute_in_is_refused(opened, monkeypatch):
    monkeypatch.setattr(openvino_encoder, "cpu_computes_in", lambda precision: precision == "fp32")
    with pytest.raises(ModelError, match="precision is 'bf16' and the backend openvino"):
        opened("bf16")
