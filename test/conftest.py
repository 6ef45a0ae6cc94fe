# SPDX-License-Identifier: Apache-2.0
"""What all tests share: warnings are errors, but for those inside of other people's packages."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    # lark, which rclpy's type support imports where the ROS of the PyPI wheels is used
    config.addinivalue_line("filterwarnings", "ignore:module 'sre_.*' is deprecated:DeprecationWarning")
