# SPDX-License-Identifier: Apache-2.0
"""What the README and the pages of docs/ say of files, links, commands, parameters and topics is there."""

import ast
import re
import runpy
import shlex
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in (README, *sorted(DOCS.glob("*.md")))}
TOOL = runpy.run_path(str(ROOT / "tools" / "parameter_table.py"))
COMMAND_FILES = sorted((ROOT / "talk2dino_ros" / "cli").rglob("*.py"))
NODES = sorted(
    path for room in ("segmenter", "goal", "memory", "ros") for path in (ROOT / "talk2dino_ros" / room).rglob("*.py")
)


def links(page: str) -> list[tuple[Path, str]]:
    """The page's links into the repository, each a file and a section ("" for none)."""
    found = re.findall(r"\]\((?!https?://)([^)#\s]*)#?([^)\s]*)\)", PAGES[page])
    here = ROOT / page
    return [((here.parent / file).resolve() if file else here, section) for file, section in found]


def anchors(text: str) -> set[str]:
    """The names by which a Markdown file's sections are linked to."""
    titles = re.findall(r"^#+ (.*)", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def commands(page: str) -> list[str]:
    """The page's commands: the lines of indented and of bash blocks."""
    blocks = re.findall(r"```bash\n(.*?)```", PAGES[page], re.DOTALL)
    return re.findall(r"^ {4,}(\S.*)", PAGES[page], re.MULTILINE) + [
        line for block in blocks for line in block.split("\n")
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_section_that_are_there(page):
    missing = [file for file, _ in links(page) if not file.exists()]
    assert missing == []
    sections = [(file, section) for file, section in links(page) if section]
    assert [at for at in sections if at[1] not in anchors(at[0].read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_row_of_a_table_is_in_one(page):
    """A row behind an empty line is a line of text."""
    blocks = [block.split("\n") for block in re.split(r"\n\s*\n", PAGES[page])]
    assert [
        rows[0]
        for rows in blocks
        if rows[0].startswith("|") and not re.match(r"\|[-|: ]+\|$", rows[1:2][0] if rows[1:] else "")
    ] == []


def test_the_index_lists_every_page_and_the_readme_leads_to_it():
    listed = [file for file, _ in links("docs/README.md")]
    assert sorted(listed) == sorted(path for path in DOCS.glob("*.md") if path.name != "README.md")
    assert DOCS / "README.md" in [file for file, _ in links("README.md")]


def test_the_readme_is_one_page():
    assert len(PAGES["README.md"].splitlines()) <= 120


def test_every_page_that_code_or_a_setting_names_is_there():
    folders = ("talk2dino_ros", "launch", "config", "benchmarks", "tools")
    files = [
        path for folder in folders for end in ("py", "yaml", "xml", "txt") for path in (ROOT / folder).rglob(f"*.{end}")
    ]
    named = {name for path in files for name in re.findall(r"docs/\w+\.md", path.read_text(encoding="utf-8"))}
    assert {"docs/transport.md", "docs/nav2.md", "docs/onnx.md"} <= named
    assert named <= set(PAGES)


def test_the_tables_of_parameters_are_the_declared_ones():
    page = PAGES["docs/parameters.md"]
    assert all(f"| `{name}` |" in page for fields in TOOL["FILES"].values() for name in fields)
    assert TOOL["with_tables"](page) == page, "run python -m tools.parameter_table"


@pytest.mark.parametrize("name", ["segmenter.yaml", "goal.yaml", "memory.yaml", "web.yaml"])
def test_a_parameter_file_is_the_declared_one(name):
    text = (ROOT / "config" / name).read_text(encoding="utf-8")
    assert TOOL["with_rows"](text, TOOL["FILES"][name]) == text, "run python -m tools.parameter_table"


def test_every_make_target_of_the_pages_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {page: set(re.findall(r"^make ([a-z-]+)", "\n".join(commands(page)), re.MULTILINE)) for page in PAGES}
    assert named["README.md"] == {"demo", "test", "setup"}
    assert named["docs/demo_nav.md"] == {"demo-nav"}
    assert set.union(*named.values()) <= targets


def test_every_command_of_talk2dino_is_on_a_page_and_every_one_on_a_page_is_a_command():
    sources = "".join(path.read_text(encoding="utf-8") for path in COMMAND_FILES)
    existing = set(re.findall(r"(?:commands|subparsers)\.add_parser\(\s*\"([a-z0-9-]+)\"", sources))
    named = {name for page in PAGES for line in commands(page) for name in re.findall(r"^talk2dino ([a-z0-9-]+)", line)}
    assert named == existing


def test_every_argument_of_a_command_has_a_help():
    calls = [
        (path.name, node)
        for path in COMMAND_FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and called(node) == "add_argument"
    ]
    assert len(calls) > 100
    with_help = [{"help", None} & {keyword.arg for keyword in call.keywords} for _, call in calls]
    assert [(name, ast.unparse(call)) for (name, call), has in zip(calls, with_help, strict=True) if not has] == []


def test_every_launch_file_and_argument_of_the_pages_exists():
    used = re.compile(r"ros2 launch talk2dino_ros (\w+\.launch\.py)((?:[^\n]*\\\n)*[^\n]*)")
    examples = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    calls = [call for text in (*PAGES.values(), examples) for call in used.findall(text)]
    assert {file for file, _ in calls} >= {"segment.launch.py", "go_to.launch.py", "nav2.launch.py"}
    for file, rest in calls:
        source = "".join((ROOT / "launch" / name).read_text(encoding="utf-8") for name in includes(file))
        assert [name for name in re.findall(r"(\w+):=", rest) if f'"{name}"' not in source] == [], file


def includes(launch_file: str) -> list[str]:
    """The launch file and those that it includes."""
    source = (ROOT / "launch" / launch_file).read_text(encoding="utf-8")
    others = set(re.findall(r'["/](\w+\.launch\.py)"', source))
    return [launch_file, *(name for other in others for name in includes(other))]


def test_every_service_call_of_the_pages_is_a_request_of_its_type():
    calls = [shlex.split(line) for page in PAGES for line in commands(page) if line.startswith("ros2 service call")]
    ours = [
        (kind.split("/")[-1], yaml.safe_load(request)) for *_, kind, request in calls if kind.startswith("talk2dino")
    ]
    assert {kind for kind, _ in ours} == {"Find", "GoTo", "IsInView", "SetVocabulary"}
    for kind, request in ours:
        text = (ROOT / "talk2dino_msgs" / "srv" / f"{kind}.srv").read_text(encoding="utf-8").split("\n---")[0]
        assert [field for field in request if not re.search(rf"^\S+ {field}\b", text, re.MULTILINE)] == []
    classes = [entry for _, request in ours for field in ("classes", "add") for entry in request.get(field, [])]
    assert {"door", "cup: cup, mug", "!wall"} <= set(classes)  # each is text still, and no table or tag of YAML


@pytest.mark.parametrize("page", PAGES)
def test_no_command_has_a_distractor_in_double_quotes(page):
    # an interactive bash takes "!wall" for an earlier command that began with "wall", and runs nothing
    outside_of_single_quotes = [re.sub(r"'[^']*'", "", line) for line in commands(page)]
    assert [line for line in outside_of_single_quotes if re.search(r"![a-z]", line) and not line.startswith("-")] == []


def test_every_topic_service_and_action_of_the_nodes_is_on_its_page():
    named = {name for path in NODES for name in names_in(ast.parse(path.read_text(encoding="utf-8")))}
    assert {"mask", "overlay", "goal_pose", "state", "check_transport", "go", "go_to"} <= named
    page = PAGES["docs/topics.md"]
    assert [name for name in sorted(named) if not re.search(rf"`(?:[^`]*/)?{name}`", page)] == []


def test_every_topic_service_and_action_of_the_nodes_is_in_a_policy():
    """Also where no node runs; test/node/test_security_policies.py compares with the running ones."""
    named = {name for path in NODES for name in names_in(ast.parse(path.read_text(encoding="utf-8")))}
    policies = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "security").glob("*.xml"))
    assert [name for name in sorted(named) if not re.search(rf">[^<]*\b{name}</", policies)] == [], (
        "run python -m tools.security_policies"
    )


def names_in(tree: ast.AST) -> set[str]:
    """The names that a module gives its publishers, services and actions."""
    makers = {"create_publisher", "create_service", "ActionServer"}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node) in makers]
    texts = [argument for call in calls for argument in call.args if isinstance(argument, ast.Constant | ast.JoinedStr)]
    return {name for text in texts for name in re.findall(r"(\w+)'$", ast.unparse(text))} | keys_of_types(tree)


def called(call: ast.Call) -> str:
    """The name of the function that is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def keys_of_types(tree: ast.AST) -> set[str]:
    """The topics of label_topics.py, which has them as the keys of TYPES."""
    tables = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TYPES"
    ]
    return {ast.literal_eval(key) for table in tables for key in getattr(table, "keys", [])}
