# SPDX-License-Identifier: Apache-2.0
"""A room as a MuJoCo model, and what a camera in it sees: colour and depth, drawn on the CPU by OSMesa.

Never draw in a process that imports torch: OSMesa brings another LLVM than Triton does, and Triton then crashes.
`python -m benchmarks.nav.sim_world` tells whether a world can be drawn here.
"""

from __future__ import annotations

import io
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.nav.room import BOARD_HEIGHT_M, BOARD_THICKNESS_M, WALL_HEIGHT_M, Board, Obstacle, Room
from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.goal.stand_off import Pose

FOLDERS = (PHOTOS, Path(__file__).resolve().parents[2] / "test" / "photos")  # of the demo, and of the tests
IMAGE_WIDTH, IMAGE_HEIGHT = 640, 480
VERTICAL_VIEW_DEG = 55.0  # with 640x480 some 70 degrees across, as common depth cameras have
CAMERA_AHEAD_M, CAMERA_HEIGHT_M = 0.1, 0.7  # from the point between the wheels
NEAREST_M, FARTHEST_M = 0.2, 12.0  # a depth camera reads nothing outside of these
WALL = "0.82 0.80 0.76"
COLOURS = ("0.45 0.42 0.38", "0.35 0.40 0.45", "0.50 0.47 0.40", "0.38 0.42 0.38")  # of the obstacles


class SimulationError(Talk2DinoError):
    """The world cannot be drawn here."""


def focal_length() -> float:
    """Return pixels; the same along both axes."""
    return IMAGE_HEIGHT / 2 / math.tan(math.radians(VERTICAL_VIEW_DEG) / 2)


def load_mujoco() -> Any:
    """Import MuJoCo, by OSMesa where MUJOCO_GL names nothing else.

    Raises SimulationError, which says what to install, where something is missing.
    """
    library = os.environ["MUJOCO_GL"] = os.environ.get("MUJOCO_GL") or "osmesa"
    try:
        import mujoco

        mujoco.Renderer  # noqa: B018  the attribute is made where drawing works
    except ModuleNotFoundError as error:
        raise SimulationError(
            f"the Python package {error.name} is missing, expected it for the simulated world; run `make setup`"
        ) from error
    except (ImportError, AttributeError, OSError, RuntimeError) as error:  # by library and how it is missing
        raise SimulationError(
            f"the simulated world cannot be drawn by {library} on this machine, expected OSMesa: install it by "
            "`sudo apt install libosmesa6`, or set MUJOCO_GL=egl where EGL is there, and run this again"
        ) from error
    return mujoco


def check_drawing() -> None:
    """Raise SimulationError where no world can be drawn; another process finds out, so this one may import torch."""
    found = subprocess.run([sys.executable, "-m", __spec__.name], stderr=subprocess.PIPE, text=True, check=False)
    if found.returncode:
        raise SimulationError(found.stderr.strip())


class World:
    """A room that can be looked at from anywhere."""

    def __init__(self, room: Room) -> None:
        mujoco = load_mujoco()
        pictures = {f"{board.photo}.png": _as_png(board.photo) for board in room.boards}
        self._model = mujoco.MjModel.from_xml_string(describe(room), pictures)
        self._data = mujoco.MjData(self._model)
        self._place: Callable[[Any, Any], None] = mujoco.mj_forward
        self._renderer: Any = mujoco.Renderer(self._model, IMAGE_HEIGHT, IMAGE_WIDTH)

    def render(self, pose: Pose) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return what a robot there sees: uint8 [H, W, 3] RGB and float32 [H, W] metres along the optical axis.

        Depth is NaN where a depth camera reads nothing.
        """
        half = pose.yaw / 2
        self._data.mocap_pos[0] = pose.x, pose.y, 0.0
        self._data.mocap_quat[0] = math.cos(half), 0.0, 0.0, math.sin(half)
        self._place(self._model, self._data)
        self._renderer.update_scene(self._data, camera="eye")
        rgb = self._renderer.render()
        self._renderer.enable_depth_rendering()
        depth = self._renderer.render()
        self._renderer.disable_depth_rendering()
        depth[(depth < NEAREST_M) | (depth > FARTHEST_M)] = np.nan
        return rgb, depth

    def close(self) -> None:
        """Free the renderer; a second time there is nothing left.

        MuJoCo frees by number in the OpenGL context that is the current one, which may be another world's.
        """
        renderer, self._renderer = self._renderer, None
        if renderer is not None:
            renderer.render()  # makes its own context the current one
            renderer.close()


def describe(room: Room) -> str:
    """Return the room in MuJoCo's XML. The camera looks along the x axis of the moved body `robot`, z upwards."""
    bodies = [_walls(room), *(_board(board) for board in room.boards)]
    bodies += [_obstacle(obstacle, COLOURS[index % len(COLOURS)]) for index, obstacle in enumerate(room.obstacles)]
    assets = "".join(
        f'<texture name="{b.photo}" type="2d" file="{b.photo}.png"/>'
        f'<material name="{b.photo}" texture="{b.photo}" texuniform="false" specular="0" shininess="0"/>'
        for b in room.boards
    )
    return f"""<mujoco>
  <visual>
    <headlight ambient="0.55 0.55 0.55" diffuse="0.25 0.25 0.25" specular="0 0 0"/>
    <map znear="0.01" zfar="20"/>
    <quality shadowsize="0" offsamples="4"/>
    <global offwidth="{IMAGE_WIDTH}" offheight="{IMAGE_HEIGHT}"/>
  </visual>
  <statistic extent="1"/>
  <asset>
    {assets}
    <texture name="floor" type="2d" builtin="flat" rgb1="0.55 0.50 0.44" mark="random" markrgb="0.60 0.55 0.49"
             random="0.02" width="256" height="256"/>
    <material name="floor" texture="floor" texrepeat="4 4" specular="0" shininess="0"/>
  </asset>
  <worldbody>
    <light directional="true" pos="0 0 3" dir="0.3 0.2 -1" diffuse="0.3 0.3 0.3" specular="0 0 0" castshadow="false"/>
    <geom type="plane" size="{room.width / 2} {room.depth / 2} 0.1" material="floor"/>
    <geom type="plane" pos="0 0 {WALL_HEIGHT_M}" size="{room.width / 2} {room.depth / 2} 0.1" xyaxes="1 0 0 0 -1 0"
          rgba="0.88 0.87 0.85 1"/>
    {"".join(bodies)}
    <body name="robot" mocap="true">
      <camera name="eye" pos="{CAMERA_AHEAD_M} 0 {CAMERA_HEIGHT_M}" fovy="{VERTICAL_VIEW_DEG}" xyaxes="0 -1 0 0 0 1"/>
    </body>
  </worldbody>
</mujoco>"""


def _walls(room: Room) -> str:
    x, y, half = room.width / 2, room.depth / 2, WALL_HEIGHT_M / 2
    places = [(x + 0.05, 0.0, 0.05, y), (-x - 0.05, 0.0, 0.05, y), (0.0, y + 0.05, x, 0.05), (0.0, -y - 0.05, x, 0.05)]
    return "".join(
        f'<geom type="box" pos="{px} {py} {half}" size="{sx} {sy} {half}" rgba="{WALL} 1"/>'
        for px, py, sx, sy in places
    )


def _board(board: Board) -> str:
    """Make a thin box with the photograph as a plane in front; the plane's x axis runs to the picture's right."""
    pose, half = board.pose, BOARD_THICKNESS_M / 2
    cos, sin = math.cos(pose.yaw), math.sin(pose.yaw)
    return f"""
    <geom type="box" pos="{pose.x - half * cos} {pose.y - half * sin} {BOARD_HEIGHT_M}"
          size="{half - 0.004} {board.width / 2 + 0.02} {board.height / 2 + 0.02}" euler="0 0 {math.degrees(pose.yaw)}"
          rgba="0.3 0.28 0.26 1"/>
    <geom type="plane" pos="{pose.x} {pose.y} {BOARD_HEIGHT_M}" size="{board.width / 2} {board.height / 2} 0.1"
          xyaxes="{-sin} {cos} 0 0 0 1" material="{board.photo}"/>"""


def _obstacle(obstacle: Obstacle, colour: str) -> str:
    half, side = obstacle.height / 2, obstacle.half_side
    return f'<geom type="box" pos="{obstacle.x} {obstacle.y} {half}" size="{side} {side} {half}" rgba="{colour} 1"/>'


def aspects(photos: tuple[str, ...]) -> dict[str, float]:
    """Return width / height of the photographs."""
    sizes = {name: pixel_size(name) for name in photos}
    return {name: width / height for name, (width, height) in sizes.items()}


def pixel_size(photo: str) -> tuple[int, int]:
    """Return width and height of a photograph in pixels."""
    with Image.open(photo_file(photo)) as picture:
        return picture.width, picture.height


def photo_file(photo: str) -> Path:
    """Return the file of a photograph of the demo or of the tests."""
    return next(path for folder in FOLDERS if (path := folder / f"{photo}.jpg").is_file())


def _as_png(photo: str) -> bytes:
    """Convert to PNG, as MuJoCo reads no JPEG."""
    data = io.BytesIO()
    with Image.open(photo_file(photo)) as picture:
        picture.save(data, "PNG")
    return data.getvalue()


def main() -> None:
    """Exit with a sentence where no world can be drawn."""
    try:
        load_mujoco()
    except SimulationError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
