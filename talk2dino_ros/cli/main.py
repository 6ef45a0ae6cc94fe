# SPDX-License-Identifier: Apache-2.0
"""Run a sub-command of `talk2dino`, and tell its errors in a sentence."""

import sys

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.ros.missing_package import missing_package
from talk2dino_ros.viz.terminal import show_any_text


def main(arguments: list[str] | None = None) -> int:
    """Run one sub-command; returns the exit status, 1 with a sentence on an error."""
    show_any_text()
    try:
        from talk2dino_ros.cli.command_line import make_parser  # imports packages that may be missing

        options = make_parser().parse_args(arguments)
        return int(options.run(options) or 0)
    except Talk2DinoError as error:
        return _failed(str(error))
    except ModuleNotFoundError as error:
        if not (sentence := missing_package(error)):
            raise
        return _failed(sentence)
    except KeyboardInterrupt:
        return 130


def _failed(sentence: str) -> int:
    print(f"talk2dino: {sentence}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
