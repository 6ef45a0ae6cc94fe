# SPDX-License-Identifier: Apache-2.0
import unicodedata

import numpy as np
import pytest
from safetensors.numpy import save_file

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.text import class_entries
from talk2dino_ros.engine.text.class_entries import ClassEntry, parse_classes
from talk2dino_ros.engine.vocabulary import Vocabulary


def test_a_bare_name_is_its_own_prompt():
    assert parse_classes(["fire extinguisher"]) == (ClassEntry("fire extinguisher", ("fire extinguisher",)),)


def test_prompts_stand_behind_a_colon_and_are_split_at_commas():
    (entry,) = parse_classes([" extinguisher :  red fire  extinguisher , fire bottle"])
    assert entry == ClassEntry("extinguisher", ("red fire extinguisher", "fire bottle"))


def test_an_exclamation_mark_makes_a_distractor():
    wall, door = parse_classes(["!wall: white wall", "door"])
    assert (wall.name, wall.prompts, wall.distractor, door.distractor) == (
        "wall",
        ("white wall",),
        True,
        False,
    )


def test_only_the_first_colon_separates():
    assert parse_classes(["sign: exit: this way"])[0].prompts == ("exit: this way",)


@pytest.mark.parametrize("text", ["door", "!wall", "door: red door, gate", "!wall: white wall"])
def test_an_entry_writes_itself_as_it_was_read(text):
    assert parse_classes([text, "other"])[0].text == text


def test_non_ascii_names_are_accepted_and_composed():
    assert parse_classes(["Tu\u0308r", "消火器"])[0].name == "T\u00fcr"


@pytest.mark.parametrize(
    ("texts", "value", "remedy"),
    [
        ([], "0 classes", "at least one"),
        ([f"class {i}" for i in range(255)], "255 classes", "1 to 254"),
        (["door", "  "], "'  '", "blank class name"),
        (["!"], "'!'", "blank class name"),
        (["door", "\u200b\ufeff\u2060"], "blank class name", "remove it"),
        (["!\u200b"], "blank class name", "remove it"),
        (["\u3164"], "blank class name", "remove it"),
        (["door: gate, \u200d"], "blank prompt", "remove it"),
        (["door", "\u200bdoor\ufeff"], "'door' occurs twice", "name: prompt"),
        (["door:"], "'door:'", "blank prompt"),
        (["door: red,,blue"], "'door: red,,blue'", "blank prompt"),
        (["x" * 10_000], "10000 characters", "at most 100"),
        (["door: " + "x" * 1001], "1001 characters", "at most 1000"),
        (["do\x07or"], "U+0007 at position 2", "remove it"),
        (["door\n"], "U+000A at position 4", "remove it"),
        (["door", "chair", "Door: gate"], "'Door' occurs twice (as number 1 and number 3)", "name: prompt"),
        (["cup", "door: " + ", ".join(["red door"] * 101)], "101 prompts", "at most 100"),
        (["door\uff1a" + "\uff0c".join(["red"] * 20_000)], "20000 prompts", "at most 100"),
        ([f"c{i}: " + ", ".join(["a"] * 100) for i in range(11)], "11 classes have 1100 prompts", "at most 1000"),
        ([f"c{i}: a, b, c, d" for i in range(251)], "251 classes have 1004 prompts", "at most 1000"),
        (["x" * 10_000_000], "1 class of 10000000 characters in all came", "at most 1000000"),
        (["do\x7for"], "U+007F at position 2", "remove it"),
        (["do\ud800or"], "U+D800 at position 2", "remove it"),
        (["!wall", "!floor"], "the vocabulary of 2 classes has only distractors", "without '!'"),
    ],
)
def test_bad_words_are_refused_with_value_and_remedy(texts, value, remedy):
    with pytest.raises(VocabularyError) as caught:
        parse_classes(texts)
    assert value in str(caught.value)
    assert remedy in str(caught.value)
    assert len(str(caught.value)) < 300


def test_full_width_separators_are_read_as_those_of_ascii():
    entry, _door = parse_classes(["\uff01灭火器\uff1afire extinguisher\uff0cred bottle、can", "门"])
    assert entry == ClassEntry("灭火器", ("fire extinguisher", "red bottle", "can"), distractor=True)


def test_as_many_prompts_as_are_allowed_are_accepted():
    classes = parse_classes([f"c{i}: " + ", ".join(["x" * 990] * 100) for i in range(10)])
    assert [len(entry.prompts) for entry in classes] == [100] * 10
    assert len(parse_classes([f"c{i}: a, b, c" for i in range(250)] + ["plain"])) == 251


def test_control_characters_are_those_of_unicode():
    allowed = "".join(map(chr, (c for c in range(0x3000) if unicodedata.category(chr(c)) not in ("Cc", "Cs"))))
    assert not class_entries._CONTROL.search(allowed)
    others = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) in ("Cc", "Cs")]
    assert all(class_entries._CONTROL.search(each) for each in others)


def test_254_classes_are_accepted():
    assert len(parse_classes([f"class {i}" for i in range(254)])) == 254


def test_default_ids_start_at_one_and_skip_distractors():
    vocabulary = Vocabulary.from_embeddings(["door", "!wall", "chair"], np.eye(3))
    assert vocabulary.ids == (1, 255, 2)
    assert vocabulary.labels() == {1: "door", 2: "chair"}
    assert vocabulary.names == ("door", "wall", "chair")


def test_embeddings_are_normalised_and_cannot_be_changed():
    vocabulary = Vocabulary.from_embeddings(["door"], [[3.0, 4.0]])
    np.testing.assert_allclose(vocabulary.embeddings, [[0.6, 0.8]], rtol=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        vocabulary.embeddings[0, 0] = 1


@pytest.mark.parametrize("rows", [[[1.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]], [[np.nan, 1.0], [1.0, 0.0]]])
def test_embeddings_of_another_count_or_without_direction_are_refused(rows):
    with pytest.raises(VocabularyError, match=r"expected .* (one row per class|with a direction)"):
        Vocabulary.from_embeddings(["door", "chair"], rows)


def test_with_ids_leaves_the_old_vocabulary_as_it_was():
    old = Vocabulary.from_embeddings(["door", "chair"], np.eye(2))
    new = old.with_ids((7, 3), version=99)
    assert (old.ids, old.version) == ((1, 2), 0)
    assert (new.ids, new.version, list(new.labels().items())) == ((7, 3), 99, [(3, "chair"), (7, "door")])


def test_with_ids_of_another_count_is_refused():
    with pytest.raises(VocabularyError, match="1 id for 2 classes"):
        Vocabulary.from_embeddings(["door", "chair"], np.eye(2)).with_ids((1,), 1)


def test_a_saved_vocabulary_comes_back_whole(tmp_path):
    saved = Vocabulary(
        parse_classes(["door: gate, red door", "!wall"]),
        np.array([[3, 4], [1, 0]], np.float32),
        (9, 255),
        "mini",
        "ab12",
    )
    saved.save(tmp_path / "vocabulary.safetensors")
    loaded = Vocabulary.load(tmp_path / "vocabulary.safetensors")
    assert (loaded.classes, loaded.ids, loaded.model, loaded.projection) == (saved.classes, saved.ids, "mini", "ab12")
    assert [path.name for path in tmp_path.iterdir()] == ["vocabulary.safetensors"]
    np.testing.assert_array_equal(loaded.embeddings, saved.embeddings)


def test_a_file_that_is_no_vocabulary_is_refused(tmp_path):
    (tmp_path / "text.safetensors").write_text("not a safetensors file")
    save_file({"embeddings": np.eye(2, dtype=np.float32)}, str(tmp_path / "weights.safetensors"))
    for name in ("text.safetensors", "weights.safetensors", "missing.safetensors"):
        with pytest.raises(VocabularyError, match=r"expected .*talk2dino encode"):
            Vocabulary.load(tmp_path / name)


METADATA = {"format": "talk2dino vocabulary 2", "classes": '["door"]', "ids": "[1]", "model": "", "projection": ""}


@pytest.mark.parametrize(
    "wrong",
    [
        {"classes": "3"},
        {"classes": "door"},
        {"classes": '"d"'},
        {"classes": "[" * 100_000},
        {"classes": "[3]"},
        {"classes": '[["door"]]'},
        {"classes": '["door", "chair"]'},
        {"classes": '["door", "door"]'},
        {"ids": "[1, 2]"},
        {"ids": "[256]"},
        {"ids": "[-1]"},
        {"ids": '["1"]'},
        {"ids": "7"},
        {"ids": "[255]"},
        {"ids": "[]"},
        {"ids": "{}"},
        {"ids": '{"1": 1}'},
        {"format": "talk2dino vocabulary 1"},
    ],
)
def test_a_damaged_file_is_refused_with_one_sentence_that_names_it(tmp_path, wrong):
    path = tmp_path / "vocabulary.safetensors"
    save_file({"embeddings": np.ones((1, 2), np.float32)}, str(path), metadata=METADATA)
    assert Vocabulary.load(path).labels() == {1: "door"}
    save_file({"embeddings": np.ones((1, 2), np.float32)}, str(path), metadata=METADATA | wrong)
    with pytest.raises(VocabularyError, match=rf"^{path} .*expected .*; correct the path, or encode the words again"):
        Vocabulary.load(path)


def test_ids_of_two_labelled_classes_alike_are_refused_and_those_of_distractors_are_not(tmp_path):
    path = tmp_path / "vocabulary.safetensors"
    metadata = METADATA | {"classes": '["door", "chair", "!wall", "!floor"]'}
    vectors = {"embeddings": np.ones((4, 2), np.float32)}
    save_file(vectors, str(path), metadata=metadata | {"ids": "[0, 254, 255, 255]"})
    assert Vocabulary.load(path).labels() == {0: "door", 254: "chair"}
    save_file(vectors, str(path), metadata=metadata | {"ids": "[7, 7, 255, 255]"})
    with pytest.raises(VocabularyError, match=r"its ids are '\[7, 7, 255, 255\]', not .* one of its own"):
        Vocabulary.load(path)


@pytest.mark.parametrize("key", METADATA)
def test_a_file_that_leaves_something_out_is_refused(tmp_path, key):
    path = tmp_path / "vocabulary.safetensors"
    metadata = {name: value for name, value in METADATA.items() if name != key}
    save_file({"embeddings": np.ones((1, 2), np.float32)}, str(path), metadata=metadata)
    with pytest.raises(VocabularyError, match=f"^{path} "):
        Vocabulary.load(path)


def test_a_cut_file_is_refused(tmp_path):
    path = tmp_path / "vocabulary.safetensors"
    Vocabulary.from_embeddings(["door"], [[3.0, 4.0]]).save(path)
    for size in (0, 4, 100, path.stat().st_size - 1):
        path.write_bytes(path.read_bytes()[:size])
        with pytest.raises(VocabularyError, match=f"^{path} cannot be read as a vocabulary"):
            Vocabulary.load(path)


def test_a_home_folder_that_does_not_exist_is_a_sentence():
    with pytest.raises(VocabularyError, match=r"^~nobody-here/v\.safetensors cannot be read as a vocabulary"):
        Vocabulary.load("~nobody-here/v.safetensors")


def test_a_file_in_a_folder_s_place_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(VocabularyError, match=r"file/v\.safetensors could not be written .* expected a folder"):
        Vocabulary.from_embeddings(["door"], [[1.0]]).save(tmp_path / "file" / "v.safetensors")


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(VocabularyError, match=r"nowhere/v\.safetensors could not be written .* expected a folder"):
        Vocabulary.from_embeddings(["door"], [[1.0]]).save(tmp_path / "nowhere" / "v.safetensors")


def test_vectors_beyond_what_can_be_squared_are_refused_without_a_warning():
    with pytest.raises(VocabularyError, match="zero or not finite"):
        Vocabulary.from_embeddings(["dog"], [[1e30, 1.0]])
