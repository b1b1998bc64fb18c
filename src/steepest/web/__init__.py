"""The browser's code: `core/` computes without a page, `parts/` draws, `bundle.js` is both as one script.

A part is mounted in an element, `mount(element, state)`; it lives in a shadow tree, so that a page may hold many, and
nothing of the page around it is read or changed. `page.py` makes a page of HTML with places for parts.

esbuild makes the bundle from the modules (`./dev bundle`); it is checked in, so that no installation of steepest needs
node. esbuild rather than a bundler of our own: it reads all of JavaScript, shortens names, and is one program without
dependencies. The bundle's first line holds a digest of its sources, so that a stale one is noticed without node.
"""

from .bundle import digest_of_sources, read_bundle, script_of
from .page import Page, check_page_file

__all__ = ["Page", "check_page_file", "digest_of_sources", "read_bundle", "script_of"]
