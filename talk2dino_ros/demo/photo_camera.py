# SPDX-License-Identifier: Apache-2.0
"""Entry point of the photo camera."""

import sys

from talk2dino_ros.ros.node.run_node import StartError, needed_packages


def main(args: list[str] | None = None) -> None:
    """Run the camera until interrupted; exit with a sentence where a package is missing."""
    try:
        with needed_packages():
            from talk2dino_ros.demo.photo_camera_node import run
    except StartError as error:
        sys.exit(f"photo_camera: {error}")
    run(args)


if __name__ == "__main__":
    main()
