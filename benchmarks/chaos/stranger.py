# SPDX-License-Identifier: Apache-2.0
"""A stranger as a process, who calls a service without end: `python -m benchmarks.chaos.stranger SERVICE`."""

from __future__ import annotations

import argparse
import time

FLOOD, GONE = 30_000, 200
DISCOVERY_S = 1.0  # for the node to know this process


def main() -> None:
    """Call FLOOD times and wait for no answer; then by GONE clients in turn, which are gone at once."""
    import rclpy
    from talk2dino_msgs.srv import GetVocabulary

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service", help="name of a service of the type GetVocabulary")
    name = parser.parse_args().service
    rclpy.init()
    node = rclpy.create_node("stranger")
    client = node.create_client(GetVocabulary, name)
    client.wait_for_service()
    time.sleep(DISCOVERY_S)
    print("begins", flush=True)
    for _ in range(FLOOD):
        client.call_async(GetVocabulary.Request())
    for _ in range(GONE):
        gone = node.create_client(GetVocabulary, name)
        gone.wait_for_service()
        gone.call_async(GetVocabulary.Request())
        time.sleep(0.002)  # so that the request goes out before the client goes
        node.destroy_client(gone)
    print("ends", flush=True)
    node.destroy_node()
    rclpy.shutdown()


if __name__ == "__main__":
    main()
