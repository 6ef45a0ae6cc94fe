# SPDX-License-Identifier: Apache-2.0
"""From the messages of a costmap, a heat and places to numbers that can be drawn, whoever has sent them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from talk2dino_ros.web.web_source import PagePlace, WebError

HEAT_FLOATS = 4  # of a point of the cloud: x, y, z, score
FAR_M = 1e6  # no map is as large
SMALLEST_M, LARGEST_M = 0.001, 1000.0  # sides of cells


def cells_of(costmap: Any) -> tuple[npt.NDArray[np.int8], float, tuple[float, float]]:
    """Return an OccupancyGrid's int8 [H, W] costs, a cell's side in metres, and x, y of the first cell's corner.

    Raises WebError where the message contradicts itself.
    """
    info, cells = costmap.info, np.frombuffer(costmap.data, np.int8)
    if len(cells) != info.width * info.height or not len(cells):
        raise WebError(
            f"the costmap has {len(cells)} values for {info.width} x {info.height} cells, expected one for each; "
            "correct its sender"
        )
    side, x, y = float(info.resolution), info.origin.position.x, info.origin.position.y
    if not (SMALLEST_M <= side <= LARGEST_M and abs(x) < FAR_M and abs(y) < FAR_M):
        raise WebError(
            f"the costmap has cells of {side:g} m and begins at ({x:g}, {y:g}) m, expected cells of {SMALLEST_M:g} to "
            f"{LARGEST_M:g} m and numbers below {FAR_M:g}; correct its sender"
        )
    return cells.reshape(info.height, info.width), side, (x, y)


def heat_of(cloud: Any) -> npt.NDArray[np.float32]:
    """Return of a PointCloud2, or of None, float32 [N, 4]: x, y, z and score of each point that is somewhere.

    Raises WebError for a cloud that is no heat.
    """
    if cloud is None:
        return np.zeros((0, HEAT_FLOATS), np.float32)
    if cloud.point_step != 4 * HEAT_FLOATS or len(cloud.data) % (4 * HEAT_FLOATS):
        raise WebError(
            f"the heat has {cloud.point_step} bytes a point and {len(cloud.data)} in all, expected {4 * HEAT_FLOATS} "
            "for each, as the memory sends it; correct its sender"
        )
    points: npt.NDArray[np.float32] = np.frombuffer(cloud.data, "<f4").reshape(-1, HEAT_FLOATS)
    there: npt.NDArray[np.float32] = points[(np.abs(points) < FAR_M).all(axis=1)]  # NaN is not
    return there


def places_of(found: Iterable[Any], frame: str) -> tuple[PagePlace, ...]:
    """Return the places of the memory's answer that are somewhere."""
    places = (
        PagePlace(each.class_name, (each.position.x, each.position.y, each.position.z), frame, each.confidence)
        for each in found
    )
    return tuple(place for place in places if all(abs(each) < FAR_M for each in (*place.position, place.confidence)))
