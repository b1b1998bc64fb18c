"""The source of the site in one language: documents with their links led to pages, and the generated pages.

Nothing is copied by hand: a section page is a section of README (English) or a file of docs/zh (Chinese), the documents
below it are those of docs/, and a file of the repository that one of them links to becomes a page of its source.
"""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from tools.site.published import STUDY, write_pictures
from tools.site.reference import reference_pages
from tools.site.rules import rule_pages
from tools.site.stations import lecture_page, ways_in
from tools.site.words import WORDS, say
from tools.site.workloads import workload_pages

__all__ = ["ALONE", "DOCUMENTS", "FENCE", "SECTIONS", "Broken", "Pages", "stage"]

ROOT = Path(__file__).parents[2]

SECTIONS = {"watch": "Watch", "compare": "Compare", "diagnose": "Diagnose", "use": "Use", "write": "Write your own"}
"""Pages made of README, and its headings."""

DOCUMENTS = {
    "docs/search.md": ("compare/search", "搜索范围与方法"),
    "docs/verdicts.md": ("compare/verdicts", "结论如何得出"),
    "docs/report.md": ("compare/report", "报告"),
    "docs/studies.md": ("compare/studies", "长时间的研究"),
    "docs/contestants.md": ("compare/contestants", "参赛者与学习率调度"),
    "docs/workloads.md": ("compare/workloads", "编写训练任务"),
    "docs/applications.md": ("compare/applications", "深度学习用于何处"),
    "docs/data.md": ("compare/data", "数据集"),
    "docs/populations.md": ("compare/populations", "群体训练"),
    "docs/devices.md": ("compare/devices", "加速器"),
    "docs/cluster.md": ("compare/cluster", "集群"),
    "docs/diagnose.md": ("diagnose/findings", "能诊断什么，误报多少"),
    "docs/portability.md": ("use/portability", "引擎、精度与设备"),
    "docs/wrappers.md": ("use/wrappers", "包装与组合"),
    "docs/equivalents.md": ("use/equivalents", "与其他库的对应"),
    "benchmarks/RESULTS.md": ("use/benchmarks", "速度测量结果"),
    "CONTRIBUTING.md": ("write/contributing", "贡献指南"),
    "CHANGELOG.md": ("write/changelog", "更新日志"),
    "docs/gallery.md": ("gallery/index", ""),
}
"""Documents: the page of each, and its Chinese title in the navigation; those of a section stand below it."""

BILINGUAL = ("docs/gallery.md",)
"""Documents in both languages, paragraph by paragraph."""

ALONE = (
    "index", "gallery/index", "lecture/index",
    *(f"{page}/index" for page in SECTIONS if not any(path.startswith(f"{page}/") for path, _ in DOCUMENTS.values())),
)  # fmt: skip
"""Pages that have none below or beside them, and so no navigation at their side."""

LINK = re.compile(r"(!?\[(?:[^\]\\]|\\.)*\])\(([^)\s]+)\)")
SPLIT = re.compile(r"(?m)^(?!#)(.*[\u3001-\u9fff\uff00-\uffef])\n(?=[\u3001-\u9fff\uff00-\uffef])")
"""An end of a line within a Chinese sentence, which would be shown as a blank."""

PICTURE = re.compile(r"(?s)<picture>(.*?)</picture>")
SOURCE = re.compile(r'<(?:source media="(?P<media>[^"]*)" srcset|img alt="(?P<alt>[^"]*)" src)="(?P<file>[^"]*)">')
"""A picture in several forms, and each of them."""

HAN = re.compile(r"[\u3400-\u9fff]")

TITLE = re.compile(r"^(#+) (.+) · (.+)$")
"""A heading in both languages."""

COMMENT = re.compile(r"^(\S.*?) {2,}(# .*)$")
WIDEST = 102
"""Characters of a line of commands, with the comment behind it, that a page has room for."""

FENCE = re.compile(r"(?ms)^(```.*?^```$)")


class Broken(Exception):
    """A document links to what is not there."""


def stage(out: Path, lang: str, states: Mapping[str, tuple[str, str]]) -> None:
    """Write the source of one language into a folder.

    Args:
        out: the folder, which is made.
        lang: `"en"` or `"zh"`.
        states: live parts of rules, by name, as `live.write_live` returns them.

    Raises:
        Broken: a document links to a file that is not there.
    """
    pages = Pages(out, lang)
    start = pages.document("docs/zh/start.md" if lang == "zh" else "README.md", "Start")
    pages.write("index", start + ways_in(lang) + _toctree(lang))
    for page, heading in SECTIONS.items():
        text = pages.document(f"docs/zh/{page}.md" if lang == "zh" else "README.md", heading)
        below = [(path, title) for path, title in DOCUMENTS.values() if path.startswith(f"{page}/")]
        pages.write(f"{page}/index", text + _contents(below, lang))
    for source, (page, _) in DOCUMENTS.items():
        note = "" if lang == "en" or source in BILINGUAL else f"\n:::{{note}}\n{say('only_english', lang)}\n:::\n"
        text = pages.document(source)
        heading, _, rest = (_of_language(text, lang) if source in BILINGUAL else text).partition("\n")
        pages.write(page, f"{heading}\n{note}{rest}")
    generated = {
        **rule_pages(lang, states),
        **workload_pages(lang, pages.section),
        **reference_pages(lang),
        "lecture/index": lecture_page(lang),
    }
    for page, text in generated.items():
        pages.write(page, text)
    for source in ("README.md", *(f"docs/zh/{page}.md" for page in SECTIONS)):
        pages.linked((ROOT / source).read_text(encoding="utf-8"), source)  # pages of what either language links to
    shutil.copytree(ROOT / "docs/images", out / "images")
    write_pictures(out)


class Pages:
    """The folder that pages are written to, and the files of the repository that they link to."""

    def __init__(self, out: Path, lang: str) -> None:
        self.out, self.lang = out, lang
        self.sources: set[str] = set()

    def write(self, page: str, text: str) -> None:
        file = self.out / f"{page}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def document(self, source: str, heading: str | None = None) -> str:
        """A file of the repository, or what stands in README under a heading, with its links led to pages."""
        text = (ROOT / source).read_text(encoding="utf-8")
        if source == "README.md":
            text = _of_readme(text, str(heading))
        if source.startswith("docs/zh/"):
            text = SPLIT.sub(r"\1", text)
        return self.linked(text, source)

    def section(self, source: str, heading: str) -> str:
        """What stands in a document under the heading that begins so, without it; empty where there is none."""
        text = (ROOT / source).read_text(encoding="utf-8")
        return self.linked(_section(text, f"## {heading}"), source)

    def linked(self, text: str, source: str) -> str:
        """A text whose links to files lead to pages; code stays as it is."""
        parts = FENCE.split(text)
        parts[1::2] = map(_narrow, parts[1::2])
        parts[::2] = [
            LINK.sub(lambda match: f"{match[1]}({self._target(match[2], source)})", PICTURE.sub(_forms, part))
            for part in parts[::2]
        ]
        return "".join(parts)

    def _target(self, link: str, source: str) -> str:
        if re.match(r"[a-z]+:|#|/", link):
            return link
        path, mark, place = link.partition("#")
        full = (ROOT / source).parent / path
        if not full.exists():
            raise Broken(f"{source}: links to {path}, which is not there")
        name = full.resolve().relative_to(ROOT).as_posix()
        if name.startswith("docs/images/"):
            inside = name.removeprefix("docs/images/")
            translated = self.lang == "zh" and (ROOT / "docs/images/zh" / inside).exists()
            return f"/images/zh/{inside}" if translated else f"/images/{inside}"
        if name.startswith("docs/zh/"):
            page = PurePosixPath(name).stem
            return "/index.md" if page == "start" else f"/{page}/index.md"
        if name == "README.md":
            return "/index.md"
        if name in DOCUMENTS:
            return f"/{DOCUMENTS[name][0]}.md{mark}{place}"
        if name == STUDY.relative_to(ROOT).as_posix():  # to be downloaded
            shutil.copy(STUDY, self.out)
            return f"/{STUDY.name}"
        return f"/{self._source(name)}.md"

    def _source(self, name: str) -> str:
        """The page of a file or a folder of the repository; pages of all files that are linked to."""
        page = f"source/{name.replace('.', '-')}"
        if name in self.sources:
            return page
        self.sources.add(name)
        if (ROOT / name).is_dir():
            inside = sorted(
                file for file in (ROOT / name).rglob("*") if file.suffix in LEXERS and "__" not in str(file)
            )
            lines = [f"- [`{file.relative_to(ROOT / name)}`](/{self._source(_name(file))}.md)" for file in inside]
            text = "\n".join(lines)
        else:
            text = _shown(ROOT / name)
        self.write(page, f"---\norphan: true\n---\n# `{name}`\n\n{text}\n")
        return page


LEXERS = {".py": "python", ".toml": "toml", ".ipynb": "json"}


def _shown(file: Path) -> str:
    """A file's text, in the colours of its language; of a notebook, its cells."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".ipynb":
        return f"````{{code-block}} {LEXERS.get(file.suffix, 'text')}\n{text}````"
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return "\n\n".join(
        f"```python\n{source}\n```" if kind == "code" else re.sub(r"(?m)^#", "##", source) for kind, source in cells
    )


def _of_language(text: str, lang: str) -> str:
    """A document in both languages without the sentences of the other one; pictures are described in this one."""
    blocks = [TITLE.sub(rf"\1 \{2 if lang == 'en' else 3}", block) for block in text.strip().split("\n\n")]
    if lang == "en":
        return "\n\n".join(block for block in blocks if not HAN.search(block))
    kept = [f"# {say('gallery', lang)}"]
    for block in blocks[1:]:
        if HAN.search(block) and kept[-1].startswith("!["):
            kept[-1] = f"![{block}]{kept[-1][kept[-1].rindex('(') :]}"
        if HAN.search(block) or block.startswith(("#", "!", "[")):
            kept.append(block)
    return "\n\n".join(kept)


def _forms(picture: re.Match[str]) -> str:
    """All forms of a picture, of which `site.css` and the theme show the one for the page's width and colours.

    >>> text = '<picture><source media="(max-width: 9px)" srcset="b.png"><img alt="A" src="a.png"></picture>'
    >>> PICTURE.sub(_forms, text)
    '![A](b.png){.only-narrow .only-light}![A](a.png){.only-wide .only-light}'
    """
    forms, made = list(SOURCE.finditer(picture[1])), ""
    for form in forms:
        width = "narrow" if "max-width" in (form["media"] or "") else "wide"
        colours = "dark" if "dark" in (form["media"] or "") else "light"
        made += f"![{forms[-1]['alt']}]({form['file']}){{.only-{width} .only-{colours}}}"
    return made


def _narrow(block: str) -> str:
    """Commands with their comments above them, where one with the comment beside it were wider than the page."""
    lines = block.split("\n")
    if lines[0] != "```sh" or not any(len(line) > WIDEST and COMMENT.match(line) for line in lines):
        return block
    commands = "\n\n".join(COMMENT.sub(r"\2\n\1", line) for line in lines[1:-1] if line)
    return f"{lines[0]}\n{commands}\n{lines[-1]}"


def _name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def _of_readme(text: str, heading: str) -> str:
    """The introduction with the first section, or one section as a page."""
    if heading == "Start":
        before = text.partition("\n## ")[0]
        return f"{before}\n\n## Start\n{_section(text, '## Start')}"
    return f"# {heading}\n{_section(text, f'## {heading}')}"


def _section(text: str, heading: str) -> str:
    """What stands under a heading of second rank that begins so."""
    found = re.search(rf"(?ms)^{re.escape(heading)}(?!\w)[^\n]*\n(.*?)(?=^## |\Z)", text)
    return found[1] if found else ""


def _toctree(lang: str) -> str:
    entries = [*SECTIONS, "lecture", "gallery", "rules", "workloads", "reference"]
    assert all(entry in WORDS for entry in entries)
    lines = [f"{say(entry, lang)} <{entry}/index>" for entry in entries]
    return "\n".join(["\n```{toctree}", ":hidden:", *lines, "```\n"])


def _contents(below: list[tuple[str, str]], lang: str) -> str:
    """The documents of a section, below its text."""
    if not below:
        return ""
    lines = [f"{title} </{page}>" if lang == "zh" else f"/{page}" for page, title in below]
    return "\n".join(["\n```{toctree}", ":maxdepth: 1", *lines, "```\n"])
