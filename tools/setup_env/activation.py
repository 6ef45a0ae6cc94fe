# SPDX-License-Identifier: Apache-2.0
"""The shell files of the environment: what `source .venv/setup.bash` sets.

`.venv/local_setup.*` make the virtual environment an ordinary underlay: colcon finds them there, records the prefix,
and the workspace's own setup files source it. `.venv/setup.bash` adds the workspace and the Fast DDS profile.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from .situation import Situation

LEAST_SHM_KIB = 4 * 64 * 1024  # four processes with the ordinary profile's segment: camera, node, client, one more

UNDERLAY = """\
# Made by the set-up: ROS 2 from wheels, as a prefix that colcon and the workspace's setup files know.
export ROS_DISTRO={distro} ROS_VERSION=2
case ":$AMENT_PREFIX_PATH:" in
  *:{prefix}:*) ;;
  *)
    export PATH={prefix}/bin:"$PATH"
    export AMENT_PREFIX_PATH={prefix}"${{AMENT_PREFIX_PATH:+:$AMENT_PREFIX_PATH}}"
    export CMAKE_PREFIX_PATH={prefix}"${{CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}}"
    ;;
esac
"""

SHELL = """\
# Made by the set-up, for bash and zsh: after `source .venv/setup.bash` this shell has ROS 2, the node and `talk2dino`.
if [ -n "$ZSH_VERSION" ]; then source {root}/install/setup.zsh; else source {root}/install/setup.bash; fi
case ":$PATH:" in *:{venv}/bin:*) ;; *) export PATH={venv}/bin:"$PATH" ;; esac
# Fast DDS's default shared-memory segment is smaller than one image, and without a profile most images get lost.
# A container's /dev/shm is smaller than the segments of the ordinary profile, unless it was told otherwise.
shm_kib=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 {{ print $2 }}')
profile={config}/fastdds.xml
if [ "${{shm_kib:-0}}" -lt {least_shm_kib} ]; then profile={config}/fastdds_small.xml; fi
export {variable}="${{{variable}:-$profile}}"
unset shm_kib profile
"""


def underlay_text(prefix: Path, distro: str) -> str:
    """Return the text of `local_setup.*`, in POSIX shell."""
    return UNDERLAY.format(prefix=shlex.quote(str(prefix)), distro=distro)


def shell_text(root: Path, situation: Situation) -> str:
    """Return the text of `.venv/setup.bash`."""
    return SHELL.format(
        root=shlex.quote(str(root)),
        venv=shlex.quote(str(root / ".venv")),
        variable=situation.profiles_variable,
        config=shlex.quote(str(root / "config")),
        least_shm_kib=LEAST_SHM_KIB,
    )


def write_shell_files(root: Path, situation: Situation) -> None:
    """Write the files that a shell, colcon and the Makefile source."""
    venv = root / ".venv"
    if not situation.sourced:
        for suffix in ("sh", "bash", "zsh"):
            (venv / f"local_setup.{suffix}").write_text(underlay_text(venv, situation.distro))
    (venv / "setup.bash").write_text(shell_text(root, situation))
