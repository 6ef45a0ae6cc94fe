# SPDX-License-Identifier: Apache-2.0
"""How long a service that runs may take to be discovered."""

import pytest

from talk2dino_ros.ros.node.first_answer import discovery_s

# of the middlewares: when the next announcement comes, and when the message after it is repeated
FAST_DDS_S, CYCLONE_S = 5 * 0.1 + 3.0 + 1.0, 10.0 - 2.0 + 1.0


@pytest.mark.parametrize(
    ("middleware", "least_s"),
    [(None, FAST_DDS_S), ("rmw_fastrtps_cpp", FAST_DDS_S), ("rmw_cyclonedds_cpp", CYCLONE_S), ("rmw_zenoh_cpp", 0.0)],
)
def test_a_lost_announcement_is_waited_for_and_not_much_longer(middleware, least_s):
    environment = {"RMW_IMPLEMENTATION": middleware} if middleware else {}
    assert least_s < discovery_s(environment) <= max(least_s, 4.0) + 1.0
