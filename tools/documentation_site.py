# SPDX-License-Identifier: Apache-2.0
"""The pages as a site: `python3 -m tools.documentation_site FOLDER`, or without a folder only to see that none is dead.

The pages are those that docs/README.md lists, in its order, behind the README. What they link to beside them is a page
too where it is Markdown, else a file of the site; a folder has no page and is named. Zensical builds it.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = Path(__file__).with_suffix(".toml")
HOME, INDEX = "README.md", "docs/README.md"
# the text of a link or a picture, where it leads to, and the section there
LINK = re.compile(r"(?P<text>\[[^\]]*\])\((?!https?:|mailto:)(?P<path>[^)#\s]*)(?P<section>#[^)\s]*)?\)")


def main(arguments: list[str]) -> int:
    """Build the site into a folder; return 1 where it has dead links."""
    with tempfile.TemporaryDirectory(prefix="talk2dino_site_") as name:
        site = build(Path(name))
        found = dead_links(site)
        if arguments and not found:
            shutil.copytree(site, arguments[0], dirs_exist_ok=True)
            print(f"The site is in {arguments[0]}: open {arguments[0]}/index.html.")
    for link in found:
        print(f"dead link: {link}", file=sys.stderr)
    return 1 if found else 0


def build(folder: Path) -> Path:
    """Have Zensical build the site below an empty folder; return where it is."""
    for path in reachable():
        target = folder / "pages" / site_path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".md"):
            target.write_text(for_the_site(path), encoding="utf-8")
        else:
            shutil.copy(ROOT / path, target)
    shutil.copy(SETTINGS.with_suffix(".css"), folder / "pages")
    pages = navigation((ROOT / INDEX).read_text(encoding="utf-8"))
    settings = SETTINGS.read_text(encoding="utf-8").replace("NAVIGATION", f"nav = [{', '.join(pages)}]")
    (folder / "zensical.toml").write_text(settings, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=folder, check=True)
    return folder / "site"


def reachable() -> list[str]:
    """Return the files of the repository that links lead to from the README, as paths in it, without folders."""
    found, waiting = {HOME, INDEX}, [HOME, INDEX]
    while waiting:
        path = waiting.pop()
        new = {target for target in linked(path) if (ROOT / target).is_file()} - found
        found |= new
        waiting += [target for target in new if target.endswith(".md")]
    return sorted(found)


def linked(path: str) -> Iterator[str]:
    """Yield what a page of the repository links to, as paths in it."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return (_target(path, match["path"]) for match in LINK.finditer(text) if match["path"])


def navigation(index: str) -> list[str]:
    """Return Zensical's `nav`: the README, then each list of the index under the line that stands before it."""
    parts = re.findall(r"^([^\n#-].*):\n\n((?:- .*\n(?:  .*\n)*)+)", index + "\n", re.MULTILINE)
    sections = ['{"talk2dino_ros" = "index.md"}', '"pages.md"']
    for title, lines in parts:
        pages = [_target(INDEX, path) for path in re.findall(r"^- \[[^\]]*\]\(([^)]*)\)", lines, re.MULTILINE)]
        sections.append(f"{{{json.dumps(title)} = {json.dumps([site_path(page) for page in pages])}}}")
    return sections


def site_path(path: str) -> str:
    """Return where a file of the repository lies among the site's pages: "docs/nav2.md" at "nav2.md"."""
    if path in (HOME, INDEX):
        return "index.md" if path == HOME else "pages.md"
    if path.endswith("/README.md"):
        return f"files/{posixpath.dirname(path)}/index.md"
    return path.removeprefix("docs/") if path.startswith("docs/") else f"files/{path}"


def for_the_site(path: str) -> str:
    """Return a page's text with the site's links."""
    return LINK.sub(lambda match: _sites_link(match, path), (ROOT / path).read_text(encoding="utf-8"))


def _sites_link(match: re.Match[str], source: str) -> str:
    if not match["path"]:
        return match.group()
    target = _target(source, match["path"])
    if (ROOT / target).is_dir():
        return f"{match['text'][1:-1]} (`{target}`)"
    path = posixpath.relpath(site_path(target), posixpath.dirname(site_path(source)) or ".")
    return f"{match['text']}({path}{match['section'] or ''})"


def _target(source: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), path))


class PageLinks(HTMLParser):
    """A page's links, and the names that lead into it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what a tag links to, and its names."""
        values = {name: value or "" for name, value in attrs}
        self.links += [values[name] for name in ("href", "src") if name in values]
        self.names |= {values[name] for name in ("id", "name") if name in values}


def dead_links(site: Path) -> list[str]:
    """Return the links of a folder's HTML pages to files or names that are not there, as "page -> link"."""
    pages = {path: PageLinks(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    return [
        f"{page.relative_to(site)} -> {link}"
        for page, content in pages.items()
        for link in dict.fromkeys(content.links)
        if page.name != "404.html" and not _is_there(page, link, pages)
    ]


def _is_there(page: Path, link: str, pages: dict[Path, PageLinks]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True  # another host's: not asked
    target = Path(posixpath.normpath(page.parent / unquote(parts.path))) if parts.path else page
    return target.exists() and (not parts.fragment or unquote(parts.fragment) in pages[target].names)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
