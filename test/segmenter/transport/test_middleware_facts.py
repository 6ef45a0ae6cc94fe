# SPDX-License-Identifier: Apache-2.0
"""What is read of the middleware on a machine, from made-up files of /proc, and the remedy that follows."""

import pytest

pytest.importorskip("rclpy")  # graph_findings

from talk2dino_ros.engine.doctor.health_finding import Level
from talk2dino_ros.segmenter.transport.middleware_facts import (
    Middleware,
    dropped_packets,
    middleware_facts,
    router_ports,
)
from talk2dino_ros.segmenter.transport.transport_findings import transport_findings

CYCLONE, ZENOH = "rmw_cyclonedds_cpp", "rmw_zenoh_cpp"
FULL_HD = 1920 * 1080 * 3
TCP = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LISTENS = "   0: 00000000:1D17 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1 0\n"  # 0x1D17 is 7447
ASKS = "   1: 0100007F:A1B0 0100007F:1D17 02 00000001:00000000 01:00000010 00000000 0 0 3 1 0\n"  # and gets no answer
CONNECTED = "   1: 0100007F:A1B2 0100007F:1D17 01 00000000:00000000 00:00000000 00000000 0 0 2 1 0\n"


@pytest.fixture
def proc(tmp_path):
    """A /proc of a stock Ubuntu, on which a Zenoh router listens."""
    (tmp_path / "sys/net/core").mkdir(parents=True)
    (tmp_path / "sys/net/core/rmem_max").write_text("212992\n")
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp").write_text(TCP + LISTENS + ASKS)
    return tmp_path


def findings(middleware, environment=None):
    return {each.what: each for each in transport_findings(middleware, environment or {})}


def test_cyclones_buffer_is_what_is_asked_for_where_the_kernel_allows_it_and_twice_that_in_all(proc):
    assert middleware_facts(CYCLONE, {}, proc).receive_buffer == 2 * 212992
    (proc / "sys/net/core/rmem_max").write_text("4194304\n")
    assert middleware_facts(CYCLONE, {}, proc).receive_buffer == 2 << 20  # Cyclone asks for 1 MiB
    own = {"CYCLONEDDS_URI": "<General/>,<Internal><SocketReceiveBufferSize max='16 MiB'/></Internal>"}
    assert middleware_facts(CYCLONE, own, proc).receive_buffer == 8 << 20


def test_what_a_profile_of_cyclones_asks_for_is_read_from_its_files(proc):
    (proc / "big.xml").write_text("<Internal><SocketReceiveBufferSize min='10MB' max=\"16 MiB\"/></Internal>")
    (proc / "least.xml").write_text("<Internal><SocketReceiveBufferSize min='200kB'/></Internal>")
    (proc / "peers.xml").write_text("<Discovery/>")
    for path in (proc / "big.xml", f"file://{proc}/big.xml", f"{proc}/least.xml,file://{proc}/big.xml"):
        assert middleware_facts(CYCLONE, {"CYCLONEDDS_URI": str(path)}, proc).requested == 16 << 20
    assert middleware_facts(CYCLONE, {"CYCLONEDDS_URI": f"{proc}/least.xml"}, proc).requested == 200 << 10
    assert middleware_facts(CYCLONE, {"CYCLONEDDS_URI": f"{proc}/peers.xml"}, proc).requested == 1 << 20


@pytest.mark.parametrize(
    ("limit", "requested", "steps"),
    [
        (212992, 1 << 20, ("CYCLONEDDS_URI", "sysctl")),
        (212992, 16 << 20, ("sysctl",)),
        (16 << 20, 1 << 20, ("CYCLONEDDS_URI",)),
        (16 << 20, 16 << 20, ()),
    ],
)
def test_the_remedy_for_cyclone_names_only_what_is_missing(limit, requested, steps):
    remedy = Middleware(CYCLONE, receive_limit=limit, requested=requested).remedy(FULL_HD)
    assert tuple(word for word in ("CYCLONEDDS_URI", "sysctl") if word in remedy) == steps


def test_an_image_that_fits_cyclones_buffer_needs_nothing():
    small = Middleware(CYCLONE, receive_limit=212992)
    assert (small.remedy(425984), bool(small.remedy(425985))) == ("", True)


def test_a_limit_that_cannot_be_read_is_no_reason_for_advice(proc):
    (proc / "sys/net/core/rmem_max").unlink()
    unknown = middleware_facts(CYCLONE, {}, proc)
    assert (unknown.receive_buffer, unknown.remedy(FULL_HD)) == (None, "")
    assert list(findings(unknown)) == ["transport"]


def test_the_doctor_says_that_the_kernel_allows_too_little_and_how_to_allow_more(proc):
    said = findings(middleware_facts(CYCLONE, {}, proc))
    assert said["transport"].said.startswith("no profile for large images in this shell; images above 0.43 MB need it")
    assert (said["receive buffer"].level, said["receive buffer"].remedy) == (
        Level.NOTE,
        "sudo sysctl -w net.core.rmem_max=16777216",
    )
    (proc / "sys/net/core/rmem_max").write_text(str(16 << 20))
    assert findings(middleware_facts(CYCLONE, {}, proc))["receive buffer"].level is Level.OK


@pytest.mark.parametrize(("name", "variable"), [(CYCLONE, "CYCLONEDDS_URI"), (ZENOH, "ZENOH_SESSION_CONFIG_URI")])
def test_a_profile_that_is_no_file_is_wrong(proc, name, variable):
    environment = {variable: "/missing"}
    said = findings(middleware_facts(name, environment, proc), environment)["transport"]
    assert (said.level, said.said) == (Level.WRONG, f"{variable}=/missing, which is not a file")


def test_packets_dropped_at_our_own_sockets_are_counted_for_cyclone_alone(proc):
    head = "sl local rem st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ref pointer drops\n"
    row = "{0}: 00000000:1CE8 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 {0} 2 0000000000000000 {1}\n"
    (proc / "net/udp").write_text(head + row.format(11, 40) + row.format(12, 500))
    (proc / "net/udp6").write_text(head + row.format(13, 2))
    (proc / "self/fd").mkdir(parents=True)
    for number, target in enumerate(("socket:[11]", "socket:[13]", "pipe:[12]", "/dev/null")):
        (proc / "self/fd" / str(number)).symlink_to(target)
    assert dropped_packets(Middleware(CYCLONE, receive_limit=212992), proc) == 42
    assert dropped_packets(Middleware("rmw_fastrtps_cpp", "FASTDDS_DEFAULT_PROFILES_FILE"), proc) == 0


def test_a_router_of_zenohs_counts_once_a_connection_to_it_stands(proc):
    """One that only listens may be another's: it is the nodes' own connection that introduces them."""
    lonely = middleware_facts(ZENOH, {}, proc)
    assert lonely.has_router is False
    assert findings(lonely)["Zenoh router"].remedy == "ros2 run rmw_zenoh_cpp rmw_zenohd"
    (proc / "net/tcp6").write_text(TCP + CONNECTED)
    assert middleware_facts(ZENOH, {}, proc).has_router is True


def test_nothing_is_said_of_a_router_where_none_is_needed_or_nothing_can_be_read(proc, tmp_path):
    multicast = {"ZENOH_CONFIG_OVERRIDE": "scouting/multicast/enabled=true"}
    assert middleware_facts(ZENOH, multicast, proc).has_router is None
    assert middleware_facts(ZENOH, {"ZENOH_SESSION_CONFIG_URI": "/own.json5"}, proc).has_router is None
    assert middleware_facts(ZENOH, {}, tmp_path / "elsewhere").has_router is None


def test_a_routers_ports_are_those_of_the_override():
    assert router_ports("") == {7447}
    assert router_ports('connect/endpoints=["tcp/192.168.1.1:7000","tcp/[::1]:7001#iface=eth0"]') == {7000, 7001}
    assert router_ports('listen/endpoints=["tcp/127.0.0.1:7448"]') == {7447}


def test_shared_memory_of_zenohs_is_named_once_it_is_missing():
    assert "config/zenoh_override.txt" in Middleware(ZENOH).remedy(FULL_HD)
    assert Middleware(ZENOH, shares_memory=True).remedy(FULL_HD) == ""
