"""Sphinx's configuration, for both languages: `-D language=zh_CN` is said by `python -m tools.site`."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tools.site.stage import ALONE  # noqa: E402

from steepest import __version__  # noqa: E402

project, author, release = "steepest", "The steepest authors", __version__
project_copyright = author
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "tools.site.formulas",
    "tools.site.docstrings",
    "tools.site.chinese",
    "tools.site.search",
    "tools.site.excerpts",
]
source_suffix = {".md": "markdown"}
templates_path = ["templates"]

myst_enable_extensions = ["dollarmath", "colon_fence", "attrs_inline"]
myst_heading_anchors = 4
myst_dmath_double_inline = True

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # what an argument is says its description
autodoc_preserve_defaults = True
add_module_names = False
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True  # attributes as a list
napoleon_attr_annotations = False  # as of arguments: a description, no type
toc_object_entries_show_parents = "hide"

html_title = "steepest"
html_theme = "pydata_sphinx_theme"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = [("live.js", {"defer": "defer"}), ("tables.js", {"defer": "defer"})]
html_copy_source = html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {
    "logo": {"text": "steepest"},
    "navbar_align": "left",
    "navbar_center": ["navbar-nav"],
    "navbar_end": ["language", "theme-switcher"],
    "header_links_before_dropdown": 7,
    "footer_start": [],
    "footer_end": [],
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "show_prev_next": False,
    "navigation_with_keys": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_search_scorer = str(Path(__file__).with_name("scorer.js"))
html_show_search_summary = False  # of Sphinx, which fetches pages: one that lies in a folder may fetch no other one
html_sidebars = {page: [] for page in ALONE}
html_context = {
    "default_mode": "auto"
}  # light or dark as the reader's system; without it the theme complains to the console
