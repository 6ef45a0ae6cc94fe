# SPDX-License-Identifier: Apache-2.0
"""What this package's lifecycle nodes share: transitions that say what went wrong, and a start of their own."""

from __future__ import annotations

import traceback
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from talk2dino_ros.engine.errors import Talk2DinoError


class ManagedNode(LifecycleNode):
    """A lifecycle node whose transitions may raise Talk2DinoError; it can also do without a lifecycle manager."""

    @property
    @abstractmethod
    def autostart(self) -> bool:
        """Whether the node brings itself to active, without a lifecycle manager."""

    @abstractmethod
    def _configure(self) -> None: ...

    @abstractmethod
    def _activate(self) -> None: ...

    @abstractmethod
    def _deactivate(self) -> None: ...

    @abstractmethod
    def _tear_down(self) -> None:
        """Free everything, from any state; without effect where there is nothing."""

    def start(self) -> bool:
        """Configure and activate; return False where one of them failed, which the log explains."""
        success = TransitionCallbackReturn.SUCCESS
        return bool(self.trigger_configure() == success and self.trigger_activate() == success)

    def stop(self) -> None:
        """Free everything, from any state and also after the ROS context has ended."""
        self._tear_down()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Make everything ready; where that fails, leave nothing behind."""
        result = self._guarded(self._configure)
        if result == TransitionCallbackReturn.FAILURE:
            self._tear_down()
        return result

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start."""
        return self._guarded(self._activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop; everything stays ready."""
        return self._guarded(self._deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything."""
        return self._guarded(self._tear_down)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, from any state."""
        return self._guarded(self._tear_down)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free what a failed transition left; the node can be configured again."""
        return self._guarded(self._tear_down)

    def _guarded(self, action: Callable[[], Any]) -> TransitionCallbackReturn:
        """Run a transition; rclpy itself would swallow what went wrong."""
        try:
            action()
        except Talk2DinoError as error:
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        except Exception:
            if self.context.ok():  # what fails because the process is ending is no news
                self.get_logger().error(f"a lifecycle transition failed\n{traceback.format_exc()}")
            return TransitionCallbackReturn.ERROR
        return TransitionCallbackReturn.SUCCESS
