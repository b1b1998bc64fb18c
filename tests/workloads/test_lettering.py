"""Fonts of the workloads' pictures, whatever is installed."""

import pytest
from PIL import ImageFont

from steepest.workloads.applications import lettering

pytestmark = pytest.mark.quick


def name_of(font):
    return font.getname()[0]


def test_latin_letters_are_drawn_in_pillow_s_own_font():
    assert name_of(lettering.font_for("naïve", 12)) == name_of(ImageFont.load_default(12))
    assert lettering.font_for("", 12).size == 12


def test_chinese_characters_are_drawn_in_a_font_that_has_them_where_there_is_one(monkeypatch):
    chinese = lettering.chinese_font(12)
    if chinese is not None:
        assert name_of(lettering.font_for("a 应", 12)) == name_of(chinese) != name_of(ImageFont.load_default(12))
    monkeypatch.setattr(lettering, "FONTS", (("no such font.ttf", 0),))
    assert lettering.chinese_font(12) is None
    assert name_of(lettering.font_for("a 应", 12)) == name_of(ImageFont.load_default(12))
