"""How long the sentences of a Markdown page are: ``python tests/sentences.py README.md docs/*.md``."""

import re
import sys
from pathlib import Path
from statistics import median

BLOCKS = re.compile(r"^(`{3,}|:{3,}|~{3,}).*?^\1[ \t]*$|<!--.*?-->|\$\$.*?\$\$", re.DOTALL | re.MULTILINE)
LINKS = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
CODE = re.compile(r"`[^`\n]*`")
LIST_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d+\.)[ \t]+", re.MULTILINE)
END = re.compile(r"(?<=[.!?])[*_)\"]*\s+(?=[\"'(*_`]*[A-Z0-9`])|(?<=[.!?])$")


def sentences(text: str) -> list[str]:
    """The sentences of a page's prose.

    Headings, tables, code blocks and formulas do not count. A code span counts as one word.
    """
    text = BLOCKS.sub("\n\n", text)
    text = LINKS.sub(r"\1", text)
    text = CODE.sub("Code", text)
    lines = ["" if re.match(r"\s*(#|\||\(.*\)=$|!\[|>\s*$)", line) else line for line in text.splitlines()]
    paragraphs = re.split(r"\n\s*\n", LIST_ITEM.sub("\n\n", "\n".join(lines)))
    found = [part for paragraph in paragraphs for part in re.split(END, " ".join(paragraph.split()))]
    return [sentence for sentence in found if len(sentence.split()) > 2]


def median_words(path: Path) -> float:
    """The median number of words in a sentence of a page; 0 for a page without prose."""
    return median([len(sentence.split()) for sentence in sentences(path.read_text())] or [0])


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{median_words(Path(name)):5.1f}  {name}")
