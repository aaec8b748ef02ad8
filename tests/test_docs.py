"""The documents: what they link to, show and name is there."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtcog_gl.cli import parser

REPOSITORY = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    *sorted(f"docs/{p.name}" for p in REPOSITORY.glob("docs/*.md")),
]
FOREIGN_FLAGS = {"-c", "--exp_type", "--ncores", "--no_action"}
"""rtcog's own."""

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z_-]*")
FILE = re.compile(r"[\w./-]+\.(?:py|md|glsl|frag|vert|toml|sh|png)|(?:[\w.]+/)+")
SEARCHED = ("", "rtcog_gl", "tests")


def text_of(document: str) -> str:
    return (REPOSITORY / document).read_text(encoding="utf-8")


def code_of(document: str) -> list[str]:
    """Return the code blocks and code spans of a document."""
    text = text_of(document)
    return [*FENCE.findall(text), *SPAN.findall(FENCE.sub("", text))]


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", document.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def flags_of(top: argparse.ArgumentParser) -> Iterator[str]:
    """Yield every flag that a parser or one of its commands knows."""
    for action in top._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from flags_of(command)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_and_images_lead_somewhere(document: str) -> None:
    for target in LINK.findall(FENCE.sub("", text_of(document))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (REPOSITORY / document).parent / name if name else REPOSITORY / document
        assert found.exists(), target
        assert REPOSITORY in found.resolve().parents, target
        assert not anchor or anchor in anchors(found), target


def test_the_readme_links_to_every_other_document() -> None:
    linked = {target.partition("#")[0] for target in LINK.findall(text_of("README.md"))}
    assert {name for name in DOCUMENTS if name.startswith("docs/")} | {"ARCHITECTURE.md"} <= linked


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_exist(document: str) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):(?!=)", text_of("Makefile"), re.MULTILINE))
    named = {name for code in code_of(document) for name in re.findall(r"\bmake ([a-z][a-z-]*)", code)}
    assert named <= targets
    assert {"demo", "test"} <= targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_flags_are_known(document: str) -> None:
    known = {*flags_of(parser()), *FOREIGN_FLAGS}
    for script in REPOSITORY.glob("benchmarks/*.py"):
        known |= set(re.findall(r'"(--[a-z-]+)"', script.read_text(encoding="utf-8")))
    named = {flag for code in code_of(document) for flag in FLAG.findall(code)}
    assert named <= known


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_and_folders_exist(document: str) -> None:
    """Paths are told from the repository's root, from the package, or (tests) by name alone."""
    for code in SPAN.findall(FENCE.sub("", text_of(document))):
        path = code.split(" ")[0]
        if not FILE.fullmatch(path) or path.startswith(("/", "rtcog/")):
            continue
        assert any((REPOSITORY / folder / path).exists() for folder in SEARCHED), code


def test_the_map_of_rooms_names_what_is_there() -> None:
    """The map is the code block that lists the package: each path in its first column, each module after it."""
    (rooms,) = [block for block in FENCE.findall(text_of("ARCHITECTURE.md")) if "rtcog_gl/streamer.py" in block]
    named = {path for path in FILE.findall(rooms) if "/" in path or path.endswith(".py")}
    assert {"rtcog_gl/model/", "rtcog_gl/session/", "rtcog_gl/gpu/", "rtcog_gl/window/", "shaders/"} <= named
    for path in named:
        assert any((REPOSITORY / folder / path).exists() for folder in SEARCHED), path


@pytest.mark.parametrize("document", DOCUMENTS)
def test_classes_and_their_members_exist(document: str) -> None:
    sources = "\n".join(p.read_text(encoding="utf-8") for p in (REPOSITORY / "rtcog_gl").rglob("*.py"))
    for owner, name in re.findall(r"`([A-Z][a-z]\w*)\.(\w+)`", text_of(document)):
        assert f"class {owner}" in sources, f"{owner}.{name}"
        assert re.search(rf"\b{name}\b", sources), f"{owner}.{name}"
