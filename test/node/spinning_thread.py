# SPDX-License-Identifier: Apache-2.0
"""An executor that spins in a thread of its own, and ends before it is shut down."""

import threading
from typing import Any

TURN_S = 0.05


class SpinningThread:
    """Thread of an executor, from the start on until `end`.

    rclpy raises in a thread that is in the executor's `spin` while another one shuts it down.
    """

    def __init__(self, executor: Any) -> None:
        self._executor = executor
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def end(self) -> None:
        """Let the round under way end, and shut the executor down."""
        self._is_over.set()
        self._thread.join()
        self._executor.shutdown()

    def _spin(self) -> None:
        while not self._is_over.is_set():
            self._executor.spin_once(timeout_sec=TURN_S)
