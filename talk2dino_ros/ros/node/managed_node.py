# SPDX-License-Identifier: Apache-2.0
"""Base of this package's lifecycle nodes: transitions that report errors, and an autostart."""

from __future__ import annotations

import time
import traceback
from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_msgs.msg import Header

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.ros.conversions.status_messages import diagnostic_status
from talk2dino_ros.ros.missing_package import missing_package
from talk2dino_ros.ros.node.faults import Faults, answering
from talk2dino_ros.ros.node.message_guard import MessageGuard
from talk2dino_ros.ros.node.message_sizes import is_bounded, read_bounded
from talk2dino_ros.ros.node.node_log import NodeLogger
from talk2dino_ros.ros.node.qos import REQUESTS_QOS
from talk2dino_ros.ros.parameters.parameter_field import Value, from_ros
from talk2dino_ros.ros.parameters.parameter_requests import refusing_unknown_types
from talk2dino_ros.ros.parameters.parameter_set import NodeValues
from talk2dino_ros.ros.requests.request_desk import RequestDesk
from talk2dino_ros.ros.security.secured import permitted
from talk2dino_ros.ros.watch import own_memory
from talk2dino_ros.ros.watch.alarm import Alarm, AlarmLevel, raised
from talk2dino_ros.ros.watch.memory_growth import MemoryGrowth


class ManagedNode(LifecycleNode):
    """A lifecycle node whose transitions may raise Talk2DinoError; it can also do without a lifecycle manager.

    What its other callbacks raise ends neither the node nor a client's waiting: services answer, the executor of
    enduring_executor.py goes on, and `faults` keeps it for the log and for the status "node" on /diagnostics.
    All subscriptions, those of TF and of /clock too, go through `messages`, which drops what is no good message, and
    all requests of services through `requests`, where each process that asks has its turn.
    """

    PARAMETERS: ClassVar[type[NodeValues]]
    _settings: Any  # the values of PARAMETERS

    def __init__(self, name: str, **node_options: Any) -> None:
        self.messages = MessageGuard(self.get_logger)  # before rclpy subscribes to /clock
        self._log: NodeLogger | None = None
        super().__init__(name, **node_options)
        self.faults = Faults(self.get_logger())
        self.steady_clock = Clock(clock_type=ClockType.STEADY_TIME)  # sim time may stand still
        self.requests = RequestDesk(self, self.steady_clock, self.messages.drop)
        self._diagnostics_pub = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._diagnostics_timer: Any = None
        self._memory_growth = MemoryGrowth(time.monotonic())

    def get_logger(self) -> NodeLogger:
        """Return the node's logger, whose lines are safe to show and bounded."""
        if self._log is None:
            self._log = NodeLogger(super().get_logger().name)
        return self._log

    def create_service(self, srv_type: Any, srv_name: str, callback: Callable[[Any, Any], Any], **options: Any) -> Any:
        """Create a service that answers also where its callback raises, and keeps what comes meanwhile."""
        options.setdefault("qos_profile", REQUESTS_QOS)
        callback = refusing_unknown_types(srv_type, callback)
        with permitted(f"offer the service {self.resolve_service_name(srv_name)}"):
            return super().create_service(srv_type, srv_name, answering(callback, self.note_fault), **options)

    def create_client(self, srv_type: Any, srv_name: str, **options: Any) -> Any:
        """Create a client; raise SecurityError where SROS 2 does not permit it, as the others do."""
        with permitted(f"call the service {self.resolve_service_name(srv_name)}"):
            return super().create_client(srv_type, srv_name, **options)

    def create_publisher(self, msg_type: Any, topic: str, *args: Any, **options: Any) -> Any:
        """Create a publisher."""
        with permitted(f"publish on {self.resolve_topic_name(topic)}"):
            return super().create_publisher(msg_type, topic, *args, **options)

    def create_subscription(
        self,
        msg_type: Any,
        topic: str,
        callback: Callable[[Any], Any],
        *args: Any,
        on_refused: Callable[[Talk2DinoError], None] | None = None,
        **options: Any,
    ) -> Any:
        """Subscribe; a message that the callback refuses is logged and counted, and costs itself alone."""
        name = self.resolve_topic_name(topic)
        read = partial(read_bounded, msg_type) if is_bounded(msg_type) and not options.get("raw") else None
        options["raw"] = options.get("raw", False) or read is not None
        guarded = self.messages.around(callback, name, on_refused, read)
        with permitted(f"subscribe to {name}"):
            return super().create_subscription(msg_type, topic, guarded, *args, **options)

    def note_fault(self, what: str, error: Exception) -> None:
        """Report an exception of a callback, unless the process is shutting down."""
        if not self.is_ending:
            self.faults.note(what, error)

    def start_diagnostics(self, period_s: float) -> None:
        """Publish /diagnostics this often from now on."""
        if self._diagnostics_timer is not None:
            self.destroy_timer(self._diagnostics_timer)
        self._diagnostics_timer = self.create_timer(period_s, self._publish_diagnostics, clock=self.steady_clock)

    def _statuses(self) -> list[DiagnosticStatus]:
        """Return statuses for /diagnostics beside the node's own."""
        return []

    def _publish_diagnostics(self) -> None:
        stamp, statuses = self.get_clock().now().to_msg(), []
        try:
            statuses = self._statuses()
        except Exception as error:
            self.note_fault("the node's state could not be reported", error)
        self._diagnostics_pub.publish(
            DiagnosticArray(header=Header(stamp=stamp), status=[*statuses, self._own_status()])
        )

    def _own_status(self) -> DiagnosticStatus:
        faults, messages = self.faults, self.messages
        state = self._state_machine.current_state[1]
        used_bytes = own_memory.own_bytes()
        alarms = raised(
            Alarm("fault", AlarmLevel.ERROR, faults.last) if faults.is_recent else None,
            Alarm("messages", AlarmLevel.WARN, messages.recent) if messages.recent else None,
            self._growing_memory(used_bytes),
        )
        values = {
            "state": state,
            "faults of this program": faults.count,
            "last fault": faults.last,
            "messages dropped": messages.dropped,
            "answers that nobody took": self.requests.answers.lost,
            "memory [MB]": "not known here" if used_bytes is None else f"{used_bytes / 1e6:.0f}",
        }
        return diagnostic_status(f"{self.get_fully_qualified_name().lstrip('/')}: node", alarms, state, values)

    def _growing_memory(self, used_bytes: int | None) -> Alarm | None:
        growth, now_s = self._memory_growth, time.monotonic()
        if used_bytes is not None and growth.is_due(now_s):
            growth.note(now_s, used_bytes - self._kept_bytes())
        return growth.alarm(time.time(), own_memory.available_bytes())

    def _kept_bytes(self) -> int:
        """Return the bytes of what the node is meant to keep more and more of."""
        return 0

    @abstractmethod
    def _change_parameters(self, values: Mapping[str, Value]) -> None:
        """Adopt changed parameters; raise Talk2DinoError, and change nothing, where they are not allowed."""

    def _on_set_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        try:
            self._change_parameters({change.name: from_ros(change.value) for change in changes})
        except Talk2DinoError as error:
            return SetParametersResult(successful=False, reason=str(error))
        except Exception as error:
            self.note_fault("a change of parameters failed", error)
            return SetParametersResult(successful=False, reason=f"a bug in this program: {error!r}")
        return SetParametersResult(successful=True)

    is_ending = False  # from then on what fails is no news

    @property
    def autostart(self) -> bool:
        """Whether the node configures and activates itself, without a lifecycle manager."""
        return bool(self._settings.autostart)

    @abstractmethod
    def _configure(self) -> None: ...

    @abstractmethod
    def _activate(self) -> None: ...

    @abstractmethod
    def _deactivate(self) -> None: ...

    @abstractmethod
    def _tear_down(self) -> None:
        """Free everything, from any state; without effect where there is nothing."""

    def _clean_up(self) -> None:
        """Free everything at cleanup; raise Talk2DinoError where that cannot be, and everything stays."""
        self._tear_down()

    def start(self) -> bool:
        """Configure and activate; return False where one of them failed, which the log explains."""
        success = TransitionCallbackReturn.SUCCESS
        return bool(self.trigger_configure() == success and self.trigger_activate() == success)

    def stop(self) -> None:
        """Free everything, from any state and also after the ROS context has ended."""
        self._tear_down()

    def before_exit(self) -> None:
        """Answer waiting clients before the process ends; what the node holds is freed with the process."""
        self.is_ending = True

    def destroy_node(self) -> None:
        """Remove the node from the ROS graph, and free what it held there.

        rclpy leaves the lifecycle interface of a destroyed node alive, and with it the DDS participant, whose shared
        memory nobody removes from /dev/shm once the process is gone.
        """
        super().destroy_node()
        self.__dict__.pop("_state_machine", None)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Configure; where that fails, free everything again."""
        self._memory_growth.restart(time.monotonic())
        result = self._guarded(self._configure)
        if result == TransitionCallbackReturn.FAILURE:
            self._tear_down()
        return result

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Activate."""
        self._memory_growth.restart(time.monotonic())
        return self._guarded(self._activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Deactivate; everything stays loaded."""
        return self._guarded(self._deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything."""
        return self._guarded(self._clean_up)

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
        except Exception as error:
            if said := _sentence_of(error):
                self.get_logger().error(said)
                return TransitionCallbackReturn.FAILURE
            if not self.is_ending:
                self.get_logger().error(f"a lifecycle transition failed\n{traceback.format_exc()}")
            return TransitionCallbackReturn.ERROR
        return TransitionCallbackReturn.SUCCESS


def _sentence_of(error: Exception) -> str:
    """Return what a person can mend; "" for a bug of this program."""
    if isinstance(error, ImportError):
        return missing_package(error)
    return str(error) if isinstance(error, Talk2DinoError) else ""
