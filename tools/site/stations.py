"""The page about the lecture, and the ways into the site: links to the lecture and the playground themselves."""

from tools.site.tables import table
from tools.site.words import say

from steepest.lecture.stations import STATIONS

__all__ = ["lecture_page", "ways_in"]


def lecture_page(lang: str) -> str:
    """The page, with a link to every station."""
    up = "../" * (2 if lang == "zh" else 1) + "live/"
    place = 0 if lang == "en" else 1
    rows = [
        (
            str(station.row),
            f'<a href="{up}lecture-page.html#at={station.id}&lang={lang}">{station.facts["title"][place]}</a>',
        )
        for station in STATIONS
    ]
    return "\n".join(
        [
            f"# {say('lecture', lang)}", "", say("lecture_about", lang), "",
            _buttons(lang, up), "", say("lecture_save", lang), "",
            f"## {say('stations', lang)}", table([say("row", lang), say("station", lang)], rows),
        ]
    )  # fmt: skip


def ways_in(lang: str) -> str:
    """What stands at the end of the first page: what to open, and where to read on."""
    rows = [(say(f"way_{page}", lang), f"[{say(page, lang)}](/{page}/index.md)") for page in WAYS]
    up = ("../" if lang == "zh" else "") + "live/"
    head = [say("way", lang), say("way_to", lang)]
    return "\n".join(["", f"## {say('ways', lang)}", "", _buttons(lang, up), table(head, rows)])


WAYS = ("lecture", "watch", "compare", "diagnose", "use", "write")


def _buttons(lang: str, up: str) -> str:
    made = "\n".join(
        f'<a class="button" href="{up}{file}#lang={lang}">{say(word, lang)}</a>'
        for file, word in (("lecture-page.html", "lecture_open"), ("playground.html", "playground_open"))
    )
    return f"```{{raw}} html\n<p>{made}</p>\n```"
