"""An article with three figures that can be played with: python examples/article.py [file]."""

import sys

import steepest
from steepest.playground import article

BODY = """
<h1>Why momentum helps in a ravine</h1>
<p>In a ravine one direction curves more than the other. The steep one sets the largest learning rate that is stable,
and along the flat one that rate is small: gradient descent swings across and creeps along. Press play.</p>
<div data-steepest="paths" data-state="slow"></div>
<p>Momentum adds up what the steps agree on, along the ravine, and cancels what they do not, across it. Drag the start,
or slide the learning rate beyond the red mark, where the path diverges.</p>
<div data-steepest="playground"
     data-state="on=ravine&rule=sgd(lr=0.4)&rule=momentum(lr=0.1,momentum=0.8)&steps=40"></div>
<p>Methods with a rate for each coordinate see no ravine at all.</p>
<div data-steepest="paths" data-state="adaptive"></div>
"""


def main(file: str) -> None:
    """Write the article: prose, and a place for each figure; what it shows is computed here."""
    slow = [steepest.trace("sgd", "ravine", lr=0.4, steps=40)]
    adaptive = [steepest.trace(rule, "ravine", lr=lr, steps=40) for rule, lr in {"adagrad": 2.0, "adam": 0.4}.items()]
    page = article(BODY, {"slow": slow, "adaptive": adaptive}, title="Momentum in a ravine", lang="en")
    print(f"written to {page.save(file)}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "article.html")
