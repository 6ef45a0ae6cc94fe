# SPDX-License-Identifier: Apache-2.0
"""Images told one after another, of objects that a tracker follows."""

from talk2dino_ros.perception.tracking.tracker import Detection, Tracker, TrackerOptions, TrackState

LABELS = {1: "cup", 2: "chair"}
BOX = (100, 100, 40, 40)
SECOND = 1_000_000_000
TENTATIVE, CONFIRMED, LOST = TrackState.TENTATIVE, TrackState.CONFIRMED, TrackState.LOST


def at(*position, name="cup", confidence=0.8, box=BOX, **rest):
    class_id = {name: number for number, name in LABELS.items()}[name]
    return Detection(class_id, name, confidence, box, tuple(map(float, position)) or None, **rest)


class Story:
    """Images a tenth of a second apart, told one after another."""

    def __init__(self, **options):
        self.objects = Tracker(TrackerOptions(**options))
        self.stamp_ns = 100 * SECOND
        self.frame_id = "map"
        self.labels = LABELS

    def see(self, *detections, after_s=0.1):
        self.stamp_ns += round(after_s * SECOND)
        return self.objects.update(self.stamp_ns, self.frame_id, detections, self.labels)

    def states(self):
        return {tracked.id: tracked.state for tracked in self.objects.objects()}

    def only(self):
        (tracked,) = self.objects.objects()
        return tracked
