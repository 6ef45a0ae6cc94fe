# SPDX-License-Identifier: Apache-2.0
"""The site: its links by hand, a dead one of each kind, and the whole as Zensical builds it."""

from pathlib import Path

import pytest

from tools.documentation_site import LINK, ROOT, _sites_link, build, dead_links, navigation, reachable, site_path

INDEX = """# All pages

Using it:

- [a.md](a.md): one
- [b.md](b.md): two, on
  two lines

For who changes it:

- [../SECURITY.md](../SECURITY.md): three
"""


def test_the_order_of_the_pages_is_the_indexs():
    assert navigation(INDEX) == [
        '{"talk2dino_ros" = "index.md"}',
        '"pages.md"',
        '{"Using it" = ["a.md", "b.md"]}',
        '{"For who changes it" = ["files/SECURITY.md"]}',
    ]


@pytest.mark.parametrize(
    ("source", "link", "expected"),
    [
        ("README.md", "[nav](docs/nav2.md#costs)", "[nav](nav2.md#costs)"),
        ("README.md", "![demo](docs/demo.jpg)", "![demo](demo.jpg)"),
        ("docs/nav2.md", "[the file](../config/goal.yaml)", "[the file](files/config/goal.yaml)"),
        ("docs/nav2.md", "[home](../README.md)", "[home](index.md)"),
        ("docs/nav2.md", "[all](README.md)", "[all](pages.md)"),
        ("examples/README.md", "[topics](../docs/topics.md)", "[topics](../../topics.md)"),
        ("docs/nav2.md", "[files](../config/)", "files (`config`)"),
        ("docs/nav2.md", "[below](#costs)", "[below](#costs)"),
        ("docs/nav2.md", "[paper](https://arxiv.org/abs/2411.19331)", "[paper](https://arxiv.org/abs/2411.19331)"),
    ],
)
def test_a_link_of_the_repository_leads_to_the_same_in_the_site(source, link, expected):
    assert LINK.sub(lambda match: _sites_link(match, source), link) == expected


def test_a_dead_link_of_each_kind_is_found_and_a_live_one_is_not(tmp_path):
    (tmp_path / "b.html").write_text('<h2 id="there">b</h2>')
    (tmp_path / "with space.png").touch()
    links = ["b.html", "b.html#there", "with%20space.png", "https://arxiv.org", "#top"]
    dead = ["c.html", "b.html#away", "#away", "../b.html"]
    body = "".join(f'<a href="{link}">x</a>' for link in links + dead)
    (tmp_path / "a.html").write_text(f'<h1 id="top">a</h1>{body}<img src="c.png">')
    assert dead_links(tmp_path) == [f"a.html -> {link}" for link in [*dead, "c.png"]]


def test_the_site_has_every_page_and_no_dead_link(tmp_path):
    site = build(tmp_path)
    pages = {site_path(path) for path in reachable() if path.endswith(".md")}
    assert {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").glob("[!R]*.md")} < pages
    assert [page for page in pages if not (site / Path(page).with_suffix(".html")).is_file()] == []
    assert dead_links(site) == []
    assert "fonts.googleapis" not in (site / "index.html").read_text(encoding="utf-8")
