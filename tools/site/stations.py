"""The page about the lecture: its stations, and links to the lecture and the playground themselves."""

from tools.site.tables import table
from tools.site.words import say

from steepest.lecture.stations import STATIONS

__all__ = ["lecture_page"]


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
    buttons = "\n".join(
        f'<a class="button" href="{up}{file}#lang={lang}">{say(word, lang)}</a>'
        for file, word in (("lecture-page.html", "lecture_open"), ("playground.html", "playground_open"))
    )
    return "\n".join(
        [
            f"# {say('lecture', lang)}", "", say("lecture_about", lang), "",
            f"```{{raw}} html\n<p>{buttons}</p>\n```", "", say("lecture_save", lang), "",
            f"## {say('stations', lang)}", table([say("row", lang), say("station", lang)], rows),
        ]
    )  # fmt: skip
