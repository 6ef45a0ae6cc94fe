# SPDX-License-Identifier: Apache-2.0
"""A process that is told to end does so soon, with 0 and without a traceback, whatever its threads are doing."""

import signal
import subprocess
import sys
import textwrap

import pytest

from talk2dino_ros.ros.node.shutdown import LIMIT_S

PATIENCE_S = 60.0  # for a busy machine; what hangs here would hang far longer
# What the main thread does when the signal comes.
OCCUPATIONS = {
    "it waits for work": "while not shutdown.is_asked: work.get()\nshutdown.end(0)",
    "it computes": "while True: pass",
    "it waits in a library": "time.sleep(3600)",
    "it frees objects": """
        class TrackedObject:
            def __del__(self):
                sum(range(50))
        while True: TrackedObject()""",
}
SIGNALS = [signal.SIGINT, signal.SIGTERM]


HEAD = """
import atexit, queue, signal, sys, time
from talk2dino_ros.ros.node import shutdown as module
from talk2dino_ros.ros.node.shutdown import ShutdownHandler
module.LIMIT_S = {limit_s}
shutdown, work = ShutdownHandler("node"), queue.Queue()
shutdown.wake = lambda: work.put(None)
shutdown.before_exit = lambda: print("goodbye")
print("up", flush=True)
"""


def end_of(program: str, *signals: int, before: str = "", limit_s: float = 3600.0) -> tuple[int, str, str]:
    """Run a program that has a ShutdownHandler, send it the signals once it is up; return exit code and output.

    limit_s: of the end, which a busy machine may reach before a process that does not hang has ended.
    """
    command = [sys.executable, "-c", before + HEAD.format(limit_s=limit_s) + textwrap.dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as process:
        try:
            assert process.stdout.readline() == b"up\n"  # unbuffered: communicate() would miss what was read ahead
            for number in signals:
                process.send_signal(number)
            said, complained = process.communicate(timeout=PATIENCE_S)
        except BaseException:
            process.kill()
            raise
    return process.returncode, said.decode(), complained.decode()


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("occupation", OCCUPATIONS)
def test_a_signal_ends_the_process_with_0(occupation, number):
    # what has to be done before the exit is done once, by whichever thread ends the process
    assert end_of(OCCUPATIONS[occupation], number) == (0, "goodbye\n", "")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_process_that_hangs_before_its_exit(number):
    end = end_of("shutdown.before_exit = lambda: time.sleep(3600)\nshutdown.end(1)", number, limit_s=LIMIT_S)
    sentence = "node: the shutdown timed out, as something hangs; others see the node a little longer\n"
    assert end == (0, "", sentence)


def test_a_signal_ends_a_process_that_does_not_look_yet():
    assert end_of("shutdown.wake = None\nwhile True: pass", signal.SIGINT) == (0, "goodbye\n", "")


def test_a_second_signal_changes_nothing():
    assert end_of("time.sleep(3600)", signal.SIGINT, signal.SIGINT, signal.SIGTERM) == (0, "goodbye\n", "")


def test_nothing_that_python_does_at_its_end_is_waited_for():
    assert end_of("atexit.register(time.sleep, 3600)\nshutdown.end(0)") == (0, "goodbye\n", "")


def test_a_start_that_failed_ends_with_its_own_code():
    assert end_of("shutdown.end(1)") == (1, "goodbye\n", "")


def test_an_error_before_the_exit_is_printed_and_the_process_ends():
    code, _, complained = end_of("shutdown.before_exit = lambda: 1 / 0\nshutdown.end(0)")
    assert code == 0
    assert "the shutdown failed (ZeroDivisionError(" in complained


def test_signals_count_in_a_process_that_was_started_with_them_ignored():
    """As a shell starts what it runs in the background."""
    before = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
    assert end_of("time.sleep(3600)", signal.SIGINT, before=before) == (0, "goodbye\n", "")
