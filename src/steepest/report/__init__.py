"""The pages of a comparison (`build.py`) and of a training that was watched (`diagnosis/`)."""
