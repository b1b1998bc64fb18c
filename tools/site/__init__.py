"""The site: docs/, README and the package's own facts as pages in English and Chinese.

`stage.py` writes the source of one language: documents as they are, with links that lead to pages, and pages that are
generated from the registries (`rules.py`, `workloads.py`) and the public names (`reference.py`). Sphinx makes HTML of
it (`conf.py`), with formulas as MathML (`formulas.py`), docstrings as they are written here (`docstrings.py`) and a
search that knows names of code and Chinese (`search.py`). `python -m tools.site` does it all; nothing of a page needs a
network.
"""
