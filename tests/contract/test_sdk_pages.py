"""The guide of the SDKs shows parts of programs that tests run."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORIES = {
    "python": "python/story.py",
    "ts": "typescript/story/story.ts",
    "java": "java/story/Story.java",
    "go": "go/story/main.go",
}
BLOCK = re.compile(r"```(python|ts|java|go)\n(.*?)```", re.DOTALL)


def without_indentation(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


@pytest.mark.parametrize("language", STORIES)
def test_every_example_of_the_guide_is_part_of_a_story(language: str) -> None:
    page = (ROOT / "docs" / "guide" / "sdks.md").read_text()
    story = without_indentation((ROOT / "sdks" / STORIES[language]).read_text())
    examples = [block for found, block in BLOCK.findall(page) if found == language]
    assert len(examples) > 3
    assert [block for block in examples if without_indentation(block) not in story] == []
