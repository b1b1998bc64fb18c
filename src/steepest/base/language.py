"""The language of what is read in a terminal or a notebook, unless somebody says otherwise."""

from collections.abc import Mapping

from .checks import LANGUAGES

__all__ = ["VARIABLE", "default_language"]

VARIABLE = "STEEPEST_LANG"
"""The environment variable that names the language."""

LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The variables of the locale in the order of POSIX: the first that is not empty decides."""


def default_language(environment: Mapping[str, str]) -> str:
    """The language where --lang does not say it: that of STEEPEST_LANG, or else of the locale.

    >>> default_language({"LANG": "zh_CN.UTF-8"}), default_language({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"})
    ('zh', 'en')
    >>> default_language({"STEEPEST_LANG": "en", "LANG": "zh_CN.UTF-8"}), default_language({})
    ('en', 'en')
    """
    named = environment.get(VARIABLE)
    if named in LANGUAGES:
        return named
    locale = next(filter(None, map(environment.get, LOCALES)), "")
    return "zh" if locale.lower().startswith("zh") else "en"
