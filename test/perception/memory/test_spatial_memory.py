# SPDX-License-Identifier: Apache-2.0
import dataclasses

import cv2
import numpy as np
import pytest
from memory_room import LAMP, MUG, WORDS, asked, memory_in, seen_from, tour
from memory_story import KIND, seeded_image

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.perception.memory.disk.keyframe_store import StoreWriteError
from talk2dino_ros.perception.memory.disk.store_lock import StoreError
from talk2dino_ros.perception.memory.finding_sentence import finding_sentence
from talk2dino_ros.perception.memory.image_gate import RejectedImageError
from talk2dino_ros.perception.memory.place_finder import ANYWHERE, Search
from talk2dino_ros.perception.memory.sensor_pose import SensorPose
from talk2dino_ros.perception.memory.spatial_memory import Finding, ForgottenPlaceError, SpatialMemory

THERE = {MUG: "mug", LAMP: "lamp"}


@pytest.fixture
def memory(tmp_path):
    memory = memory_in(tmp_path)
    yield memory
    memory.store.close()


def positions(memory: SpatialMemory, *words: str, search=ANYWHERE, since_ns=0) -> list[tuple[float, ...]]:
    places = memory.find(asked(*words), search, since_ns=since_ns).places
    return [tuple(round(value, 2) for value in place.position) for _, place in places]


def restarted(memory: SpatialMemory, **options) -> SpatialMemory:
    memory.store.close()
    return memory_in(memory.store.folder.parent, **options)


def test_an_object_is_found_by_words_asked_for_later(memory):
    tour(memory, THERE)
    assert positions(memory, "mug", "wall", "lamp") == [MUG]
    assert positions(memory, "lamp") == [LAMP]
    finding = memory.find(asked("mug"))
    (_, place) = finding.places[0]
    assert (place.detections, place.first_ns, place.last_ns) == (4, 100 * 10**9, 103 * 10**9)
    assert finding.best_score == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-2)


def test_nothing_found_is_an_answer_that_says_how_close_the_best_came(memory):
    assert memory.find(asked("mug")) == Finding([], None, None)  # of an empty map
    tour(memory, THERE)
    finding = memory.find(asked("plant", "wall"))
    assert finding.places == []
    assert finding.best_score == pytest.approx(0.5, abs=0.02)  # nothing looks like it: the cosine is 0
    assert finding.best_margin == pytest.approx(0.5 - 0.6, abs=0.02)


def test_a_word_that_wins_by_chance_somewhere_is_not_found_and_it_is_said_how_close_it_came(memory):
    """In one image something looks a little like a plant: cosine 0.6, a lead of 0.1945 over the background.

    Of one image beside five that have not decided: a sixth.
    """
    tour(memory, THERE)
    image = seen_from(0.0, {MUG: "mug"}, 110.0)
    image.features[0] = 0.6 * WORDS["plant"] + 0.8 * WORDS["lamp"]
    points = image.points.copy()
    points[0] = ELSEWHERE = (1.05, 0.05, 1.55)
    memory.remember(dataclasses.replace(image, points=points), KIND)
    query = asked("plant", "wall")
    finding = memory.find(query)
    assert finding.places == []
    assert finding.best_margin > 0
    assert finding.best_evidence == pytest.approx(0.1945 / 0.07 / 6, abs=0.03)
    assert finding.refused.position == pytest.approx(ELSEWHERE)
    sentence = finding_sentence(query, finding, memory)
    assert "the best place, at (1.05, 0.05, 1.55), has an evidence of 0.46 of 1 image, below" in sentence
    assert positions(memory, "plant", "wall", search=Search(min_evidence=0.4)) == [ELSEWHERE]
    assert positions(memory, "mug", "wall") == [MUG]
    assert memory.find(asked("mug", "wall")).best_evidence > 0.7


def test_where_nothing_is_remembered_it_is_said_whether_that_is_of_the_map_or_of_the_time(memory):
    def sentence():
        return finding_sentence(asked("mug", "wall"), memory.find(asked("mug", "wall"), since_ns=2**62), memory)

    assert sentence() == "'mug' was not found: nothing is remembered of this map yet"
    tour(memory, THERE)
    assert sentence() == "'mug' was not found: nothing is remembered since then"


def test_the_answers_are_the_same_after_a_restart(memory):
    tour(memory, THERE)
    before = memory.find(asked("mug", "wall")).places[0][1]
    again = restarted(memory)
    after = again.find(asked("mug", "wall")).places[0][1]
    assert np.array_equal(before.keys, after.keys)
    assert dataclasses.astuple(before)[1:] == dataclasses.astuple(after)[1:]
    assert again.keyframes == 4
    again.store.close()


def test_a_moved_object_is_found_at_its_new_place_alone(memory):
    tour(memory, THERE)
    moved = (2.05, 0.55, 1.05)
    tour(memory, {moved: "mug", LAMP: "lamp"}, 200.0)
    assert positions(memory, "mug", "wall") == [moved]
    assert positions(memory, "lamp", "wall") == [LAMP]
    again = restarted(memory)
    assert positions(again, "mug", "wall") == [moved]
    again.store.close()


def test_places_can_be_asked_for_by_time_by_distance_and_by_number(memory):
    second = (2.05, -0.55, 1.05)
    tour(memory, {MUG: "mug"})
    tour(memory, {MUG: "mug", second: "mug"}, 200.0, ys=(-0.5, 0.0))
    assert sorted(positions(memory, "mug")) == [second, MUG]
    assert positions(memory, "mug", search=Search(near=(2.0, -0.5, 1.0), within_m=0.3)) == [second]
    assert len(positions(memory, "mug", search=Search(most=1))) == 1
    tour(memory, {MUG: "mug"}, 300.0, ys=(1.0,))
    assert positions(memory, "mug", since_ns=300 * 10**9) == [MUG]
    assert positions(memory, "mug", search=Search(min_score=0.9)) == []


def test_a_view_shows_the_place_outlined(memory):
    tour(memory, THERE)
    number, place = memory.find(asked("mug")).places[0]
    picture, keyframe = memory.view(number)
    assert picture.box == (0, 0, 8, 8)  # the first patch is the mug's
    assert keyframe.stamp_ns == 101 * 10**9  # from y = 0, from nearest
    assert cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR).shape[1] == 128
    with pytest.raises(ForgottenPlaceError, match="find it again"):
        memory.view(number + 1)
    memory.store.change([], [place.view])
    assert memory.view(number)[1].stamp_ns == 103 * 10**9  # the newest of the others
    memory.store.change([], memory.store.ids())
    with pytest.raises(ImageError, match="no picture"):
        memory.view(number)


@pytest.mark.parametrize("far", [False, True])
def test_an_image_without_depth_in_reach_is_rejected_and_changes_nothing(memory, far):
    image = seen_from(0.0, THERE, 1.0)
    points = image.points + 100 if far else np.full_like(image.points, np.nan)
    with pytest.raises(RejectedImageError, match="has a point within 32 m") as error:
        memory.remember(dataclasses.replace(image, points=points), KIND)
    assert error.value.reason == "no depth"
    assert (memory.keyframes, memory.store.kind) == (0, None)


def test_patches_without_depth_and_without_a_direction_are_left_out(memory):
    image = seen_from(0.0, THERE, 1.0)
    points, features = image.points.copy(), image.features.copy()
    points[1], features[5] = np.nan, np.nan
    memory.remember(dataclasses.replace(image, points=points, features=features), KIND)
    assert len(dict(memory.store)[1].codes) == len(points) - 2
    assert positions(memory, "lamp") == []


def test_features_of_another_space_are_refused_and_the_others_still_found(memory):
    tour(memory, THERE)
    with pytest.raises(StoreError, match="feature_space 'space-b'"):
        memory.remember(seen_from(0.0, THERE, 9.0), dataclasses.replace(KIND, feature_space="space-b"))
    assert positions(memory, "mug") == [MUG]
    assert memory.keyframes == 4


def test_on_a_full_disk_nothing_is_added_and_all_is_answered(memory):
    tour(memory, {MUG: "mug"})
    pages = memory.store._database.execute("PRAGMA page_count").fetchone()[0]
    memory.store._database.execute(f"PRAGMA max_page_count={pages}")
    image = dataclasses.replace(seen_from(0.0, THERE, 9.0), jpeg=bytes(10**5))
    with pytest.raises(StoreWriteError):
        memory.remember(image, KIND)
    assert positions(memory, "mug") == [MUG]
    assert (positions(memory, "lamp"), memory.keyframes) == ([], 4)
    memory.store._database.execute("PRAGMA max_page_count=1000000")
    memory.remember(image, KIND)
    assert positions(memory, "lamp") == [LAMP]


def test_above_max_bytes_the_views_that_are_worth_least_go_and_the_places_stay(tmp_path):
    memory = memory_in(tmp_path, max_bytes=400_000)
    for number in range(40):
        image = seen_from((-0.5, 0.0, 0.5, 1.0)[number % 4], THERE, 100.0 + number)
        memory.remember(dataclasses.replace(image, jpeg=image.jpeg + bytes(30_000)), KIND)
        assert memory.store.bytes_on_disk() < 400_000 + 150_000  # the log beside it
    assert memory.thinned > 25
    assert memory.keyframes == len(memory.store.ids()) == 40 - memory.thinned
    again = restarted(memory)
    assert positions(again, "mug") == [MUG]
    assert positions(again, "lamp") == [LAMP]
    assert max(keyframe.stamp_ns for _, keyframe in again.store) == 139 * 10**9
    again.store.close()


def test_a_damaged_keyframe_costs_itself_alone(memory):
    tour(memory, THERE)
    memory.store._database.execute("UPDATE keyframes SET body = substr(body, 2) WHERE id = 2")
    memory.rebuild()
    assert (memory.keyframes, memory.store.damaged) == (3, [2])
    assert positions(memory, "mug") == [MUG]


def test_the_floor_is_counted_in_columns(memory):
    assert memory.floor_m2 == 0
    tour(memory, {MUG: "mug"}, ys=(0.0,))
    columns = {(x, y) for x, y, _ in np.floor(seen_from(0.0, {MUG: "mug"}, 1.0).points / 0.1).astype(int).tolist()}
    assert memory.floor_m2 == pytest.approx(len(columns) * 0.01)
    assert memory.nbytes > 0


def test_old_places_are_forgotten_before_their_ids_take_all_memory(memory, monkeypatch):
    monkeypatch.setattr("talk2dino_ros.perception.memory.spatial_memory.MOST_PLACES", 3)
    tour(memory, {MUG: "mug"})
    numbers = [memory.find(asked("mug")).places[0][0] for _ in range(5)]
    assert numbers == [1, 2, 3, 4, 5]
    assert sorted(memory.places) == [3, 4, 5]


def test_points_and_poses_that_are_nowhere_are_rejected_without_a_warning(memory):
    seen = dataclasses.replace(seeded_image(1), pose=SensorPose((1e300, 0.0, 0.0), (0.6, 0.0, 0.0, 0.8)))
    seen = dataclasses.replace(seen, points=np.full_like(seen.points, np.inf))
    with pytest.raises(RejectedImageError, match="no"):
        memory.remember(seen, KIND)
