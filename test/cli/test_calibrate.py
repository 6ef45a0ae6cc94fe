# SPDX-License-Identifier: Apache-2.0
"""`talk2dino calibrate`: from pictures to a file that the node and the other commands read as it is."""

from pathlib import Path

import pytest

from talk2dino_ros.cli.calibration.picture_truths import known_truths
from talk2dino_ros.cli.class_words import classes_in
from talk2dino_ros.cli.main import main
from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.ros.parameters.launch_arguments import vocabulary_parameters

NAMES = ["cup", "pet"]
CLASSES = "cup: cup, coffee mug; ?pet >= 0.7: cat; !wall"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder without a cup and a cat, and one picture with each."""
    folder = tmp_path_factory.mktemp("photos")
    for kind, names in (("none", ["rocket", "grace_hopper"]), ("cups", ["coffee"]), ("cats", ["chelsea"])):
        (folder / kind).mkdir()
        for name in names:
            (folder / kind / f"{name}.jpg").write_bytes((PHOTOS / f"{name}.jpg").read_bytes())
    return folder


@pytest.mark.slow
def test_thresholds_are_proposed_that_the_pictures_at_hand_bear_out(photos, tmp_path, capsys):
    output = tmp_path / "thresholds.yaml"
    having = [f"--with=cup={photos}/cups", f"--with=pet={photos}/cats/*.jpg"]
    assert (
        main(["calibrate", str(photos / "none"), *having, f"--classes={CLASSES}", "--model=mini", f"-o{output}"]) == 0
    )
    printed = capsys.readouterr().out
    assert "0 of 2" in printed
    assert "1 of 1" in printed
    assert "77.6 %" in printed  # 1 - 0.05^(1/2): of two pictures nearly nothing follows
    assert "takes 299 pictures" in printed
    assert (tmp_path / "thresholds.png").is_file()
    told = "# shown in 0 of 2 pictures without it (at most 77.6 %), in 1 of 1 with it (at least 5.0 %)"
    assert output.read_text().count(told) == 2
    entries = parse_classes(classes_in(str(output)))
    assert [entry.words.text for entry in entries] == ["cup: cup, coffee mug", "?pet: cat", "!wall"]
    assert all(0.525 <= entry.threshold < 0.6 for entry in entries[:2])  # not below that of mini, and found
    assert vocabulary_parameters(str(output), Path("config")) == [str(output)]


def test_what_is_known_of_a_picture(photos, tmp_path):
    none, cup, cat = photos / "none", photos / "cups" / "coffee.jpg", photos / "cats" / "chelsea.jpg"
    table = tmp_path / "labels.csv"
    table.write_text(f"picture,classes\n{cup},CUP\n{none / 'rocket.jpg'},\n", encoding="utf-8-sig")
    lacks_both = {"cup": False, "pet": False}
    truths = known_truths(NAMES, [str(none / "grace_hopper.jpg")], table, [f"Pet={cat}"])
    assert truths == {
        none / "grace_hopper.jpg": lacks_both,
        cup: {"cup": True, "pet": False},
        none / "rocket.jpg": lacks_both,
        cat: {"pet": True},  # whether there is a cup, nobody has said
    }


@pytest.mark.parametrize(
    ("table", "having", "says"),
    [
        ("picture,classes\nPHOTO,dog\n", [], "'dog' is not one of the classes, expected one of cup, pet"),
        ("file,classes\nPHOTO,cup\n", [], "no picture or no classes in line 2"),
        ("picture,classes\nPHOTO\n", [], "no picture or no classes in line 2"),
        ("picture,classes\nnowhere.jpg,cup\n", [], "nowhere.jpg"),
        ("\u00ff", [], "labels.csv cannot be read"),
        (None, ["cup"], "expected class=pictures"),
        (None, ["cup=nowhere/"], "nowhere"),
        (None, [], "no picture was named"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(photos, tmp_path, table, having, says):
    if table is not None:
        (tmp_path / "labels.csv").write_text(table.replace("PHOTO", str(photos / "cups" / "coffee.jpg")), "latin-1")
    with pytest.raises(Talk2DinoError) as refused:
        known_truths(NAMES, [], None if table is None else tmp_path / "labels.csv", having)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--false-alarms=1"], "--false-alarms is 1.0, expected a share"),
        (["--min-area=0"], "--min-area is 0.0"),
        (["-othresholds.txt"], "ends in .yaml"),
        (["-o/nowhere/thresholds.yaml"], "ends in .yaml in an existing folder"),
        (["--classes=mug >= 0.9"], "between 0.27 and 0.73"),
        (["--classes=nowhere.yaml"], "nowhere.yaml cannot be read"),
    ],
)
def test_a_wrong_start_is_told_before_a_model_is_loaded(photos, capsys, arguments, says):
    assert main(["calibrate", str(photos / "none"), "--classes=cup", "--model=no_such", *arguments]) == 1
    assert says in capsys.readouterr().err


def test_images_of_a_video_are_no_pictures_of_other_scenes(tmp_path):
    (tmp_path / "ride.mp4").write_bytes(b"")
    with pytest.raises(Talk2DinoError, match="images of one video are alike"):
        known_truths(NAMES, [str(tmp_path / "ride.mp4")], None, [])
    (tmp_path / "ride.mcap").write_bytes(b"")
    with pytest.raises(
        Talk2DinoError, match=r"ride\.mcap cannot be read as a bag .* restores a missing metadata\.yaml$"
    ):
        known_truths(NAMES, [str(tmp_path / "ride.mcap")], None, [])
