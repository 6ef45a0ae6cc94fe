# SPDX-License-Identifier: Apache-2.0
"""Who may use the page: hosts, origins, tokens."""

import pytest
from scripted_source import ScriptedSource
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from talk2dino_ros.web.access import Access, is_loopback
from talk2dino_ros.web.web_app import make_app
from talk2dino_ros.web.web_source import ForbiddenError

LIVE = "ws://{}/live"
TOKEN = "a-token-of-this-test"
ROBOT = Access("0.0.0.0", TOKEN, names=frozenset({"robot", "robot.local"}))


def client_of(access, home):
    return TestClient(make_app(ScriptedSource(), access), home, headers={"Origin": home})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.5.5.5", "::1", "localhost"])
def test_what_only_this_machine_hears_needs_no_token(host):
    assert is_loopback(host)
    assert Access.of(host).token == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "robot.local", ""])
def test_what_other_machines_hear_has_a_new_token_each_time(host):
    assert len(Access.of(host).token) >= 32
    assert Access.of(host).token != Access.of(host).token


@pytest.mark.parametrize("host", ["localhost:8420", "127.0.0.1:9000", "[::1]:8420", "LOCALHOST"])
def test_this_machine_is_reached_by_its_own_names(host):
    assert client_of(Access(), f"http://{host}").get("/").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.1.7"])
def test_another_name_for_this_machine_is_refused(host):
    """DNS rebinding: a page of evil.example whose name leads to 127.0.0.1 from now on."""
    reply = client_of(Access(), f"http://{host}").get("/")
    assert reply.status_code == 403
    assert "expected an address or a name of this machine" in reply.json()["message"]


@pytest.mark.parametrize("host", ["", "[", "[::1", "a b", "@127.0.0.1:x@evil.example", "\xff"])
def test_a_host_that_is_none_is_refused(host):
    reply = client_of(Access(), "http://127.0.0.1").get("/", headers={"Host": host.encode("latin-1")})
    assert reply.status_code == 403


@pytest.mark.parametrize("name", ["host", "origin", "cookie", "query"])
def test_bytes_that_are_no_text_are_refused(name):
    """As a program sends them; a client of HTTP would encode them."""
    sent = {"host": b"robot", "origin": b"http://robot", "cookie": b"", "query": b"", name: b"\xff\x00\xfe=;token=\xff"}
    headers = [(each.encode(), value) for each, value in sent.items()]
    scope = {"type": "http", "method": "POST", "headers": headers, "query_string": sent["query"]}
    assert isinstance(ROBOT.refusal(scope), ForbiddenError)


@pytest.mark.parametrize("other", ["a/b=1", "a b", "=", '"', "expires=1", "x=\xff"])
def test_cookies_of_other_servers_of_this_machine_are_passed_over(other):
    client = client_of(ROBOT, "http://robot")
    cookie = f"{other}; talk2dino_token={TOKEN}".encode("latin-1")
    assert client.get("/app.js", headers={"Cookie": cookie}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://127.0.0.1:9999", "http://["])
def test_another_pages_request_is_refused(origin):
    source = ScriptedSource()
    client = TestClient(make_app(source, Access()), "http://127.0.0.1:8420", headers={"Origin": origin})
    words = {"classes": ["door"], "expected_version": "0"}
    assert client.post("/words", json=words).status_code == 403
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(LIVE.format(client.base_url.netloc.decode())):
        pass
    assert source.asked == []


@pytest.mark.parametrize("host", ["192.168.1.7:8420", "robot.local", "robot:8080", "[fe80::1]:8420"])
def test_a_robot_is_reached_by_address_and_name_with_its_token(host):
    client = client_of(ROBOT, f"http://{host}")
    assert client.get("/").status_code == 403
    assert client.get("/?token=another").status_code == 403
    assert "set-cookie" not in client.get("/?token=another").headers
    page = client.get(f"/?token={TOKEN}")
    assert page.status_code == 200
    cookie = page.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    # the browser sends the cookie from now on
    assert client.get("/app.js").status_code == 200
    with client.websocket_connect(LIVE.format(client.base_url.netloc.decode())) as line:
        assert line.receive_json()["model"] == "tiny"


@pytest.mark.parametrize("cookie", ["", "talk2dino_token=another", "talk2dino_token", "=;;\x7f", "\xff"])
def test_without_the_token_there_is_nothing_to_see(cookie):
    client = client_of(ROBOT, "http://robot.local")
    for path in ("/", "/app.js", "/snapshot?camera=front"):
        assert client.get(path, headers={"Cookie": cookie.encode("latin-1")}).status_code == 403
    live, no_token = LIVE.format("robot.local"), {"Cookie": "talk2dino_token=no"}
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(live, headers=no_token):
        pass


def test_a_robots_name_of_others_is_refused_with_the_token_too():
    assert client_of(ROBOT, "http://evil.example").get(f"/?token={TOKEN}").status_code == 403
