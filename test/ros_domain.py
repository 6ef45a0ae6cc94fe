# SPDX-License-Identifier: Apache-2.0
"""A ROS domain that no other test process of this machine is in."""

import socket

DOMAINS = range(1, 101)  # 0 is everybody's; the ports of more than 100 reach into those that Linux hands out


def take_domain() -> tuple[int, socket.socket]:
    """Return a free ROS domain and what keeps it taken until it is closed, or the process ends.

    That is the TCP port of the number at which DDS's discovery listens in this domain. DDS itself uses UDP, so it does
    not mind; and where the network is another, as in a container, so are the ports and the domains.
    """
    for domain in DOMAINS:
        taken = socket.socket()
        try:
            taken.bind(("127.0.0.1", 7400 + 250 * domain))
        except OSError:
            taken.close()
        else:
            return domain, taken
    raise RuntimeError("all of the ROS domains 1 to 100 are taken; end other test runs")
