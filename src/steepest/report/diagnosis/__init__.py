"""The page of a training that was watched: numbers become pictures as data (`pictures.py`), and a state of the part
`diagnosis` of the browser's code (`page.py`), which draws them. Needs neither torch nor Matplotlib.
"""

from .page import diagnosis_page, write_page

__all__ = ["diagnosis_page", "write_page"]
