# SPDX-License-Identifier: Apache-2.0
"""Each paper's evaluation written again here as its authors describe it, image in, labels out, against the engine's."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.evaluate.protocols import PROTOCOLS, departures
from talk2dino_ros.engine.inference.crop_plan import Crop, Plan, make_plan, nearest_multiple
from talk2dino_ros.engine.inference.decision import Decision
from talk2dino_ros.engine.inference.decision.decision_plain import decide_plain
from talk2dino_ros.engine.inference.scoring import EncodedImage, voted
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.options import Options
from talk2dino_ros.viz.pictures import read_picture

PHOTO = Path(__file__).parents[2] / "photos" / "drum.jpg"
WORDS = ["drum", "loudspeaker", "table", "curtain"]


@pytest.fixture(scope="module")
def segmenter():
    return load_segmenter("mini", device="cpu", backend="torch", precision="fp32")


@pytest.fixture(scope="module")
def photo():
    """Higher than wide, so that there are two windows; small, so that all of them overlap."""
    return np.ascontiguousarray(read_picture(PHOTO)[60:, :400])


@pytest.fixture(scope="module")
def square():
    """As Talk2DINO runs it, one window."""
    return np.ascontiguousarray(read_picture(PHOTO)[60:460, :400])


def cosines_of(segmenter, window, vocabulary):
    """uint8 or float [h, w, 3], 0..255 -> [C, h/16, w/16]."""
    pixels = torch.from_numpy(np.ascontiguousarray(window)).permute(2, 0, 1)[None].float() / 255
    features = F.normalize(segmenter.networks.image_encoder(pixels).patch_features[0].float(), dim=0)
    return torch.einsum("dhw,cd->chw", features, torch.from_numpy(vocabulary.embeddings.copy()))


def mmseg_windows(height, width, crop, stride):
    """`slide_inference` of mmseg 0.30."""
    for row in range(max(height - crop + stride - 1, 0) // stride + 1):
        for column in range(max(width - crop + stride - 1, 0) // stride + 1):
            bottom, right = min(row * stride + crop, height), min(column * stride + crop, width)
            yield max(bottom - crop, 0), max(right - crop, 0), bottom, right


@torch.inference_mode()
def talk2dino_by_hand(segmenter, photo, vocabulary):
    scale = min(448 / min(photo.shape[:2]), 2048 / max(photo.shape[:2]))
    height, width = (int(side * scale + 0.5) for side in photo.shape[:2])
    small = cv2.resize(photo, (width, height), interpolation=cv2.INTER_LINEAR)
    total, count = torch.zeros(len(WORDS), height, width), torch.zeros(height, width)
    for top, left, bottom, right in mmseg_windows(height, width, 448, 224):
        scores = torch.sigmoid(cosines_of(segmenter, small[top:bottom, left:right], vocabulary))
        total[:, top:bottom, left:right] += F.interpolate(
            scores[None], (448, 448), mode="bilinear", align_corners=True
        )[0]
        count[top:bottom, left:right] += 1
    return F.interpolate((total / count)[None], photo.shape[:2], mode="bilinear", align_corners=False)[0]


@torch.inference_mode()
def dinotxt_by_hand(segmenter, photo, vocabulary):
    height, width = (round(side * 512 / min(photo.shape[:2])) for side in photo.shape[:2])
    small = np.array(Image.fromarray(photo).resize((width, height), Image.Resampling.BICUBIC))
    total, count = torch.zeros(len(WORDS), height, width), torch.zeros(height, width)
    for top, left, bottom, right in mmseg_windows(height, width, 384, 192):
        cosines = cosines_of(segmenter, small[top:bottom, left:right], vocabulary)
        total[:, top:bottom, left:right] += F.interpolate(cosines[None], (384, 384), mode="bilinear")[0].softmax(dim=0)
        count[top:bottom, left:right] += 1
    return F.interpolate((total / count)[None], photo.shape[:2], mode="bilinear")[0]


@pytest.mark.parametrize("shape", ["photo", "square"])
@pytest.mark.parametrize(
    "way", [("talk2dino", talk2dino_by_hand, 1.0), ("dinotxt", dinotxt_by_hand, 0.5)], ids=lambda way: way[0]
)
def test_a_protocol_labels_as_its_papers_code_does(way, shape, segmenter, request):
    """The confidence is the decision's, of the two best scores. share: of a class that has every vote."""
    protocol, by_hand, share = way
    photo = request.getfixturevalue(shape)
    vocabulary = segmenter.encode_vocabulary(WORDS)
    scores = by_hand(segmenter, photo, vocabulary)
    found = segmenter.with_options(**PROTOCOLS[protocol]).segment(photo, vocabulary)
    first, second = scores.topk(2, dim=0).values
    is_clear = (first - second > 1e-5).numpy()  # else rounding decides
    assert is_clear.mean() > 0.5
    expected = np.array(vocabulary.ids)[scores.argmax(dim=0).numpy()]
    np.testing.assert_array_equal(found.class_ids[is_clear], expected[is_clear])
    assert len(np.unique(expected)) > 1
    sure = 255 * torch.sigmoid(segmenter.model.logit_scale * (torch.logit(first * share) - torch.logit(second * share)))
    np.testing.assert_allclose(found.confidence[is_clear], sure.numpy()[is_clear], atol=1.0)


def view_of(plan):
    return EncodedImage(plan.canvas, plan, torch.zeros(3, *plan.canvas), [])


def test_scores_of_overlapping_windows_are_averaged():
    plan = Plan((1, 3), (Crop(0, 0, 1, 2), Crop(0, 1, 1, 2)), (1, 1))
    cosines = [torch.tensor([[[math.log(3), 0.0]], [[0.0, 0.0]]]), torch.tensor([[[math.log(4), 0.0]], [[0.0, 0.0]]])]
    # the first class's shares: 3/4 and 1/2; 4/5 and 1/2; halved in the end
    shares = voted(cosines, view_of(plan), (1, 2)).values[0] * 2
    torch.testing.assert_close(shares, torch.tensor([[0.75, 0.65, 0.5]]))


def test_a_class_with_score_1_is_decided_as_on_a_gpu():
    scores = voted([torch.zeros(1, 2, 2)], view_of(Plan((2, 2), (Crop(0, 0, 2, 2),), (2, 2))), (7,))
    found = decide_plain(Decision(None, 14.3, 255), scores, None, (2, 2))
    assert found.unique().tolist() == [7, 255]
    assert (found[0] == 7).all()


def test_one_class_alone_gets_every_pixel_by_dino_txt_s_protocol(segmenter, photo):
    found = segmenter.with_options(**PROTOCOLS["dinotxt"]).segment(photo, segmenter.encode_vocabulary(["cup"]))
    assert (found.class_ids == 1).all()
    assert (found.confidence == 255).all()


@pytest.mark.parametrize(
    ("model", "protocol", "canvas", "window"),
    [
        ("talk2dino_vitb", "talk2dino", (448, 1195), 448),
        ("talk2dinov3_vitl", "talk2dino", (448, 1195), 448),
        ("dinotxt_vitl", "dinotxt", (518, 1381), 392),  # the nearest multiples of 14 to 512 and 3/4 of that
        ("dinotxtv3_vitl", "dinotxt", (512, 1365), 384),
        ("dinotxt_vitl", "talk2dino", (448, 1195), 448),
    ],
)
def test_each_model_gets_the_papers_sizes(model, protocol, canvas, window):
    way, patch_size = PROTOCOLS[protocol], MODELS[model].patch_size
    base = nearest_multiple(way["input_size"], patch_size)
    plan = make_plan("slide", (480, 1280), base, patch_size, window_share=way["window_share"])
    assert plan.canvas == canvas
    assert plan.network == (window, window)
    assert plan.crops[1].left == window // 2


def test_a_model_s_own_protocol_is_its_paper_s():
    own = {name: model.protocol for name, model in MODELS.items()}
    assert {name for name, protocol in own.items() if protocol == "dinotxt"} == {"dinotxt_vitl", "dinotxtv3_vitl"}


def test_deviations_from_a_protocol_are_reported():
    assert departures("talk2dino", PROTOCOLS["talk2dino"]) == []
    assert departures("dinotxt", {**PROTOCOLS["dinotxt"], "resize": "mmcv"}) == [
        "resize mmcv, not the protocol's bicubic"
    ]


@pytest.mark.parametrize("changes", [{"refine": "pamr"}, {"background": 0.5}, {"background_cleaning": True}])
def test_dino_txt_s_protocol_has_no_threshold_no_pamr_and_no_cleaning(changes):
    with pytest.raises(ModelError, match=r"window_scores is 'softmax' with .* choose sigmoid \(protocol talk2dino\)"):
        Options(**PROTOCOLS["dinotxt"], **changes)


@pytest.mark.parametrize("changes", [{"resize": "mmcv"}, {"window_share": 0.75}, {"window_scores": "softmax"}])
def test_window_options_are_refused_for_an_input_without_windows(changes):
    with pytest.raises(ModelError, match=r"with input 'aspect', expected input 'slide'"):
        Options(input="aspect", **changes)


@pytest.mark.parametrize("changes", [{"resize": "lanczos"}, {"window_share": 1.5}, {"window_scores": "mean"}])
def test_an_unknown_value_of_a_protocol_option_is_refused(changes):
    with pytest.raises(ModelError, match=r"expected (one of|0\.0 to 1\.0)"):
        Options(input="slide", **changes)
