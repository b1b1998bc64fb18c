r"""Which loss is minimized, and its targets, recovered from the gradient with respect to the model's output.

No loss function is patched, so it does not matter how a script imports one. The loss is recognized by its graph, and
its targets follow from outputs $z$ and their gradient $d$:

- cross-entropy: $d_i = w_i (\mathrm{softmax}(z_i) - e_{y_i})$, so that the class $y_i$ is the only negative entry and
  $w_i = -d_{i y_i} / (1 - p_{i y_i})$;
- squared error: $d = 2 w (z - t)$;
- binary cross-entropy of logits: $d = w (\sigma(z) - t)$; of probabilities: $d = w (z - t) / z (1 - z)$.

The targets of other losses of differences are read from the graph before it is freed (`compared.py`).
"""

from .compared import Compared, read
from .dispatch import recover
from .kind import kind_of
from .recovered import Recovered

__all__ = ["Compared", "Recovered", "kind_of", "read", "recover"]
