"""The numbers of every station by plain arithmetic: Python's floats, no steepest; and the lecture's printed values."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

PRINTED = {
    "vanishing": {"slope": "0.0013"},
    "leap": {"end": "-1.528166"},
    "two-variables": {"x": "-0.057646", "y": "-0.000073"},
    "full-batch": {"limit": "0.953"},
    "momentum": {"half": "6.6"},
    "ill-conditioning": {"x": "-0.126340", "y": "-0.186632"},
}
"""What the lecture prints, by station and number."""


def descend(slope: Callable[[float], float], x: float, lr: float, steps: int) -> list[float]:
    """Gradient descent in one variable."""
    path = [x]
    for _ in range(steps):
        path.append(path[-1] - lr * slope(path[-1]))
    return path


def bisect(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function changes sign."""
    sign = function(low) > 0
    for _ in range(100):
        middle = (low + high) / 2
        if (function(middle) > 0) == sign:
            low = middle
        else:
            high = middle
    return low


def two_minima(x: float) -> float:
    return x * math.cos(math.pi * x)


def two_minima_slope(x: float) -> float:
    return math.cos(math.pi * x) - math.pi * x * math.sin(math.pi * x)


def local_minimum() -> dict[str, float]:
    local, lowest = bisect(two_minima_slope, -0.5, 0), bisect(two_minima_slope, 0.9, 1.3)
    return {
        "start": -0.9, "lr": 0.05, "steps": 60,
        "end": descend(two_minima_slope, -0.9, 0.05, 60)[-1],
        "lowest": lowest, "lower": two_minima(local) - two_minima(lowest), "hill": bisect(two_minima_slope, 0, 0.9),
    }  # fmt: skip


def noise_escapes() -> dict[str, float]:
    import numpy as np

    def end(seed: int) -> float:
        shocks, x = np.random.default_rng(seed).standard_normal(100), -0.9
        for step, shock in enumerate(shocks):
            lr = 0.05 * 0.5 * (1 + math.cos(math.pi * step / 100))
            x -= lr * (two_minima_slope(x) + 8 * shock)
        return x

    lowest, ends = bisect(two_minima_slope, 0.9, 1.3), [end(seed) for seed in range(20)]
    arrived = [abs(x - lowest) < 0.2 for x in ends]
    return {
        "start": -0.9, "lr": 0.05, "steps": 100, "end": ends[5], "lowest": lowest, "seeds": 20, "lucky": sum(arrived),
        "unlucky": arrived.index(False),
    }  # fmt: skip


def saddle() -> dict[str, float]:
    x, y, sizes = -0.9, 0.01, []
    for _ in range(26):
        sizes.append(math.hypot(2 * x, -2 * y))
        x, y = x - 0.1 * 2 * x, y + 0.1 * 2 * y
    return {
        "start": -0.9, "y0": 0.01, "lr": 0.1, "steps": 26, "x_factor": 1 - 2 * 0.1, "y_factor": 1 + 2 * 0.1,
        "slowest": sizes.index(min(sizes)), "gradient": min(sizes), "quick": 12, "far": 100,
    }  # fmt: skip


def inflection() -> dict[str, float]:
    path = descend(lambda x: 3 * x * x, 1, 0.1, 60)
    return {"start": 1, "lr": 0.1, "steps": 60, "end": path[-1], "slope": 3 * path[-2] ** 2}


def vanishing() -> dict[str, float]:
    def slope(x: float) -> float:
        return 1 - math.tanh(x) ** 2

    x, m, v, adam = 4.0, 0.0, 0.0, []
    for t in range(1, 101):
        m, v = 0.9 * m + 0.1 * slope(x), 0.999 * v + 0.001 * slope(x) ** 2
        x -= 0.1 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)
        adam.append(x)
    return {
        "start": 4, "lr": 0.1, "steps": 100, "slope": slope(4), "moved": 4 - descend(slope, 4, 0.1, 100)[-1],
        "first": 4 - adam[0], "adam": adam[-1],
    }  # fmt: skip


def descent() -> dict[str, float]:
    return {"start": 10, "lr": 0.2, "steps": 10, "end": 10 * (1 - 2 * 0.2) ** 10, "left": 60, "close": 0.001}


def learning_rate() -> dict[str, float]:
    small, right, large = (10 * (1 - 2 * lr) ** 10 for lr in (0.05, 0.2, 1.1))
    return {
        "start": 10, "steps": 10, "small": 0.05, "right": 0.2, "large": 1.1, "small_end": small, "right_end": right,
        "large_end": large, "factor": 1 - 2 * 1.1, "limit": 2 / 2, "least": 0.95,
    }  # fmt: skip


def leap() -> dict[str, float]:
    c = 0.15 * math.pi

    def f(x: float) -> float:
        return x * math.cos(c * x)

    def slope(x: float) -> float:
        return math.cos(c * x) - c * x * math.sin(c * x)

    path, good, poor = descend(slope, 10, 2, 10), bisect(slope, 5, 9), bisect(slope, -4, 0)
    return {
        "start": 10, "lr": 2, "steps": 10, "end": path[-1], "first": path[1], "good": good, "poor": poor,
        "higher": f(poor) - f(good), "close": 0.05,
    }  # fmt: skip


def two_variables() -> dict[str, float]:
    return {
        "start": -5, "y_start": -2, "lr": 0.1, "steps": 20, "x": -5 * 0.8**20, "y": -2 * 0.6**20, "x_factor": 0.8,
        "y_factor": 0.6, "x_curvature": 2, "y_curvature": 4, "x_limit": 1, "y_limit": 0.5,
    }  # fmt: skip


def spread(noise: float, lr: float, curvature: float) -> float:
    """From the variance's own recursion: v = (1 - lr curvature)^2 v + lr^2 noise^2, until it stays."""
    v = 0.0
    for _ in range(20_000):
        v = (1 - lr * curvature) ** 2 * v + (lr * noise) ** 2
    return math.sqrt(v)


def stochastic() -> dict[str, float]:
    half = bisect(lambda lr: spread(1, lr, 2) - spread(1, 0.1, 2) / 2, 0.01, 0.1)
    return {
        "start": -5, "lr": 0.1, "steps": 100, "x_spread": spread(1, 0.1, 2), "y_spread": spread(1, 0.1, 4),
        "early": 10, "mean": -5 * 0.8**10, "half": half, "least": 0.002,
    }  # fmt: skip


def decay() -> dict[str, float]:
    fast = [0.1 * math.exp(-0.1 * t) for t in range(100)]
    slow = [0.1 / math.sqrt(1 + 0.1 * t) for t in range(100)]
    ends = [-5 * math.prod(1 - 2 * lr for lr in rates) for rates in (fast, slow)]
    return {
        "sum": sum(fast), "exponential": ends[0], "root": ends[1], "last": slow[-1], "spread": spread(1, 0.1, 2),
        "far": 0.4,
    }  # fmt: skip


def full_batch() -> dict[str, float]:
    return {
        "rows": 1503, "lr": 1, "calm": 0.9, "steep": 2 * 1.04925, "flat": 2 * 0.08685, "limit": 1 / 1.04925,
        "factor": 1 - 2 * 1.04925, "few": 30, "close": 0.1,
    }  # fmt: skip


def heavy_ball(curvatures: Sequence[float], start: Sequence[float], lr: float, mu: float, steps: int) -> list[float]:
    """The end of momentum on 1/2 sum(curvature x^2)."""
    ends = []
    for curvature, place in zip(curvatures, start, strict=True):
        x, v = place, 0.0
        for _ in range(steps):
            v = mu * v + curvature * x
            x -= lr * v
        ends.append(x)
    return ends


def momentum() -> dict[str, float]:
    return {
        "mu": 0.5, "lr": 0.4, "steps": 20, "gain": 2, "plain": -5 * (1 - 0.4 * 0.2) ** 20,
        "heavy": heavy_ball((0.2, 4), (-5, -2), 0.4, 0.5, 20)[0], "long": 0.9, "half": math.log(2) / -math.log(0.9),
        "long_gain": 10, "few": 15, "close": 0.1,
    }  # fmt: skip


def best_pair() -> dict[str, float]:
    """Polyak's: the two roots of the curvatures, and the shares of the slowest mode in closed form."""
    low, high = 0.2, 4.0
    mu = ((math.sqrt(high) - math.sqrt(low)) / (math.sqrt(high) + math.sqrt(low))) ** 2
    plain, heavy = (high - low) / (high + low), math.sqrt(mu)
    return {
        "sgd_lr": 2 / (low + high), "lr": (2 / (math.sqrt(low) + math.sqrt(high))) ** 2, "mu": mu,
        "condition": high / low, "root": math.sqrt(high / low), "sgd_share": plain, "share": heavy,
        "sgd_steps": math.log(1000) / -math.log(plain), "steps": math.log(1000) / -math.log(heavy), "goal": 0.7,
    }  # fmt: skip


def ill_conditioning() -> dict[str, float]:
    x, y = heavy_ball((0.2, 4), (-5, -2), 0.6, 0.25, 20)
    return {
        "slow": 0.4, "fast": 0.6, "mu": 0.25, "steps": 20, "slow_x": -5 * (1 - 0.4 * 0.2) ** 20, "limit": 2 / 4,
        "raised": 2 * (1 + 0.25) / 4, "x": x, "y": y, "larger": 0.8,
    }  # fmt: skip


def adagrad_end(curvature: float, x: float, lr: float, steps: int, eps: float, inside: bool) -> list[float]:
    total, path = 0.0, [x]
    for _ in range(steps):
        g = curvature * path[-1]
        total += g * g
        path.append(path[-1] - lr * g / (math.sqrt(total + eps) if inside else math.sqrt(total) + eps))
    return path


def sparse() -> dict[str, float]:
    own = adagrad_end(0.02, -4, 1, 60, 1e-10, inside=False)
    return {"steps": 60, "plain": -4 * (1 - 0.4 * 0.02) ** 60, "own": own[-1], "near": 1.3, "minus_near": -1.3}


def adagrad() -> dict[str, float]:
    slow, fast = (adagrad_end(0.2, -5, lr, 20, 1e-6, inside=True) for lr in (0.4, 2))
    return {
        "start": -5, "lr": 0.4, "steps": 20, "slow": slow[-1], "last": slow[-1] - slow[-2], "fast_lr": 2,
        "fast": fast[-1], "outside": adagrad_end(0.2, -5, 0.4, 20, 1e-6, inside=False)[-1], "close": 0.01,
    }  # fmt: skip


def rmsprop_path(
    curvature: float, x: float, lr: float, alpha: float, steps: int, eps: float, inside: bool
) -> list[float]:
    s, path = 0.0, [x]
    for _ in range(steps):
        g = curvature * path[-1]
        s = alpha * s + (1 - alpha) * g * g
        path.append(path[-1] - lr * g / (math.sqrt(s + eps) if inside else math.sqrt(s) + eps))
    return path


def rmsprop() -> dict[str, float]:
    quick = [rmsprop_path(c, x, 0.4, 0.9, 20, 1e-6, inside=True)[-1] for c, x in ((0.2, -5.0), (4, -2.0))]
    slow = [adagrad_end(c, x, 0.4, 20, 1e-6, inside=True)[-1] for c, x in ((0.2, -5.0), (4, -2.0))]
    return {
        "lr": 0.4, "alpha": 0.9, "steps": 20, "half": math.log(2) / -math.log(0.9), "quick": math.hypot(*quick),
        "slow": math.hypot(*slow), "far": 0.15,
    }  # fmt: skip


def cycle() -> dict[str, float]:
    last = rmsprop_path(2, 10, 0.4, 0.9, 200, 1e-8, inside=False)[-2:]
    return {"lr": 0.4, "low": min(last), "high": max(last), "close": 0.01}


def adam() -> dict[str, float]:
    def path(beta: float) -> list[float]:
        x, m, v, places = -5.0, 0.0, 0.0, []
        for t in range(1, 61):
            g = 0.2 * x
            m, v = 0.9 * m + (1 - 0.9) * g, beta * v + (1 - beta) * g * g
            x -= 0.4 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - beta**t)) + 1e-6)
            places.append(x)
        return places

    one, other = path(0.999), path(0.98)
    return {
        "first": (one[0] + 5) / 0.4, "raw": 0.1 / math.sqrt(0.001), "m_share": 0.1, "v_share": 0.001, "beta": 0.999,
        "other_beta": 0.98, "steps": 60, "x": one[-1], "other_x": other[-1], "close": 0.05,
    }  # fmt: skip


def uses() -> dict[str, float | str]:
    """Winners of the challenge: 28.2 % in 2010, 3.57 % in 2015, 2.25 % in 2017; a person 5.1 %."""
    factor, share = 28.2 / 2.25, math.exp(math.log(2.25 / 28.2) / 7)
    return {
        "people": 5.1, "year": 2015, "below": 3.57, "first_year": 2010, "first": 28.2, "last_year": 2017, "last": 2.25,
        "factor": factor, "factor_low": factor - 0.1, "factor_high": factor + 0.1, "factor_text": "12.5",
        "years": 7, "share": share, "kept": 100 * share,
    }  # fmt: skip


def cards() -> dict[str, float]:
    here = 64 * 32 + 32 + 32 * 10 + 10
    return {
        "weights": 25, "bytes": 4, "megabytes": 25 * 2 * 4, "low": 190, "high": 210, "here": here, "kept": 2,
        "kilobytes": here * 2 * 4 / 1000,
    }  # fmt: skip


def mistakes() -> dict[str, float | str]:
    inside, outside = (adagrad_end(2, 0.001, 0.4, 3, 1e-6, inside=place)[-1] for place in (True, False))

    def adam_end(curvature: float, x: float, beta: float) -> float:
        m = v = 0.0
        for t in range(1, 61):
            g = curvature * x
            m, v = 0.9 * m + (1 - 0.9) * g, beta * v + (1 - beta) * g * g
            x -= 0.4 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - beta**t)) + 1e-6)
        return x

    apart = [adam_end(c, x, 0.98) - adam_end(c, x, 0.999) for c, x in ((0.2, -5.0), (4, -2.0))]
    half = math.log(2) / -math.log(0.95)
    return {
        "lr": 1, "limit": 1 / 1.04925, "cycle": abs(rmsprop_path(2, 10, 0.4, 0.9, 200, 1e-8, inside=False)[-1]),
        "rms_lr": 0.4, "memory": 0.9, "half": math.log(2) / -math.log(0.9), "left": 100 * 0.9**10, "steps": 3,
        "small_start": 0.001, "inside": inside, "outside": outside, "late": 1, "due": math.exp(-0.1),
        "text_beta": 0.98, "code_beta": 0.999, "adam_steps": 60, "apart": math.hypot(*apart), "exercise_memory": 0.95,
        "exercise_half": half, "exercise_low": half - 0.1, "exercise_high": half + 0.1, "exercise_text": "13.5",
    }  # fmt: skip


def torch_network(seed: int) -> tuple[Any, Any, Any, int]:
    """The network of `digits` in float64 torch, its weights drawn by NumPy; images, labels, how many are trained on."""
    import numpy as np
    import torch

    from steepest.workloads import digits

    inputs, labels, held, held_labels = digits.data()
    model, random = digits.model().double(), np.random.default_rng(seed)
    with torch.no_grad():
        for layer in (model[0], model[2]):
            for part in (layer.weight, layer.bias):
                drawn = torch.tensor(random.random(part.numel())).reshape(part.shape)
                part.copy_((2 * drawn - 1) / layer.in_features**0.5)
    return model, torch.cat([inputs, held]).double(), torch.cat([labels, held_labels]), len(inputs)


def mini_batch() -> dict[str, float]:
    """The noise from torch's own gradients of single images."""
    import torch
    from torch.func import functional_call, grad, vmap

    model, images, labels, train = torch_network(0)
    weights = dict(model.named_parameters())

    def loss(parameters: Any, image: Any, label: Any) -> Any:
        return torch.nn.functional.cross_entropy(functional_call(model, parameters, (image,)), label)

    each = vmap(grad(loss), in_dims=(None, 0, 0))(weights, images[:train], labels[:train])
    flat = torch.cat([part.reshape(train, -1) for part in each.values()], dim=1)
    noise = ((flat - flat.mean(dim=0)) ** 2).sum(dim=1).mean().sqrt().item()
    gain = 8 / math.sqrt((1437 - 64) / (1437 - 1))
    return {
        "weights": 64 * 32 + 32 + 32 * 10 + 10, "images": 1437, "large": 64, "gain": gain, "single": noise,
        "batch": noise / gain, "updates": 1437, "batch_updates": 22, "steps": 400, "goal": 0.1,
    }  # fmt: skip


def torch_path(make: Callable[[Any], Any], batch: int, steps: int) -> tuple[Any, Any, list[float]]:
    """A training by torch's own optimizer in float64: model, weights every tenth step, losses of batches."""
    import numpy as np
    import torch

    model, images, labels, train = torch_network(0)
    optimizer, random, order, losses = make(model.parameters()), np.random.default_rng((0, 1)), [], []
    kept = [torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy().copy()]
    for step in range(1, steps + 1):
        if len(order) < batch:
            order = list(range(train))
            for i in range(train - 1, 0, -1):
                j = math.floor(random.random() * (i + 1))
                order[i], order[j] = order[j], order[i]
        rows, order = order[:batch], order[batch:]
        loss = torch.nn.functional.cross_entropy(model(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % 10 == 0:
            kept.append(torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy().copy())
    return model, np.array(kept), losses


def torch_losses(points: Any) -> list[float]:
    """Torch's loss over all images that are trained on, at each point."""
    import torch

    model, images, labels, train = torch_network(0)
    found = []
    with torch.no_grad():
        for point in points:
            torch.nn.utils.vector_to_parameters(torch.tensor(point), model.parameters())
            found.append(torch.nn.functional.cross_entropy(model(images[:train]), labels[:train]).item())
    return found


def principal_plane(path: Any) -> tuple[Any, Any, Any]:
    """Mean, two principal axes and their shares of the variance, from the covariance of the points' coordinates."""
    import numpy as np

    mean = path.mean(axis=0)
    axes = np.linalg.svd(path - mean, full_matrices=False)[2][:2]
    if (path[-1] - path[0]) @ axes[0] < 0:
        axes[0] *= -1
    if (path[0] - mean) @ axes[1] < 0:
        axes[1] *= -1
    variances = ((path - mean) @ axes.T).var(axis=0)
    return mean, axes, variances / path.var(axis=0).sum()


def plain_texts() -> tuple[list[list[int]], list[float]]:
    """300 words by Zipf's law, 2,500 texts of ten, good where the sum of their words' values is above the median."""
    import bisect

    import numpy as np

    random, whole, ends = np.random.default_rng(0), sum(1 / k for k in range(1, 301)), [0.0]
    for k in range(1, 301):
        ends.append(ends[-1] + 1 / k / whole)
    words = [min(bisect.bisect_left(ends, random.random(), 1) - 1, 299) for _ in range(25_000)]
    values = [math.log(k * whole) * random.standard_normal() for k in range(1, 301)]
    texts = [words[10 * n : 10 * n + 10] for n in range(2500)]
    sums = [sum(values[word] for word in text) for text in texts]
    middle = sum(sorted(sums)[1249:1251]) / 2
    return texts, [float(total > middle) for total in sums]


def rare_words() -> dict[str, float | str]:
    """By torch's embeddings, loss, optimizers and scheduler, in float64."""
    import numpy as np
    import torch

    texts, good = (torch.tensor(part) for part in plain_texts())
    good = good.double()

    def train(make: Callable[[Any], Any], decay: float) -> tuple[float, float, Any, Any]:
        model = torch.nn.EmbeddingBag(300, 1, mode="sum").double()
        torch.nn.init.zeros_(model.weight)
        optimizer, random, order = make([model.weight]), np.random.default_rng((0, 1)), []
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / math.sqrt(1 + decay * step))
        for _ in range(300):
            if len(order) < 32:
                order = list(range(2000))
                for i in range(1999, 0, -1):
                    j = math.floor(random.random() * (i + 1))
                    order[i], order[j] = order[j], order[i]
            rows, order = order[:32], order[32:]
            optimizer.zero_grad()
            scores = model(texts[rows])[:, 0]
            torch.nn.functional.binary_cross_entropy_with_logits(scores, good[rows]).backward()
            lr = optimizer.param_groups[0]["lr"]
            optimizer.step()
            scheduler.step()
        scores = model(texts[2000:])[:, 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, good[2000:]).item()
        right = ((scores > 0) == (good[2000:] > 0)).double().mean().item()
        return loss, right, lr, optimizer.state[model.weight].get("sum")

    decaying = min((train(lambda w, lr=lr: torch.optim.SGD(w, lr=lr), 0.1), lr) for lr in (5, 10, 20, 50))
    own = min((train(lambda w, lr=lr: torch.optim.Adagrad(w, lr=lr), 0), lr) for lr in (1, 2, 4))
    (_, plain, decayed, _), sgd_lr = decaying
    (_, best, _, squares), lr = own
    rates = lr / (squares.sqrt() + 1e-10).numpy()[:, 0]
    return {
        "train": 2000, "vocabulary": 300, "steps": 300, "rank": 100, "frequent": rates[0], "rare": rates[99], "near": 5,
        "ratio": rates[99] / rates[0], "decayed": decayed, "sgd_lr": sgd_lr, "sgd": 100 * plain, "adagrad": 100 * best,
        "sgd_tried": "5, 10, 20, 50", "adagrad_tried": "1, 2, 4", "goal": 0.9, "goal_percent": 90,
    }  # fmt: skip


def loss_slice() -> dict[str, float]:
    """By torch's optimizers, losses and autograd-free forward passes, and a singular value decomposition."""
    import torch

    paths = [
        torch_path(make, 64, 300)[1]
        for make in (lambda weights: torch.optim.SGD(weights, lr=1), lambda weights: torch.optim.Adam(weights, lr=0.01))
    ]
    mean, axes, shares = principal_plane(paths[0])
    held = (paths[1] @ axes.T).var(axis=0).sum() / paths[1].var(axis=0).sum()
    own, beneath = torch_losses([paths[1][-1], mean + (paths[1][-1] - mean) @ axes.T @ axes])
    many = 10_000
    walk = (1 + 1 / 4) / (sum(1 / k**2 for k in range(1, many + 1)) + 1 / many - 1 / (2 * many**2))
    return {
        "weights": 64 * 32 + 32 + 32 * 10 + 10, "share": 100 * shares.sum(), "first": 100 * shares[0],
        "walk": 100 * walk, "adam_share": 100 * held, "near": 10, "own": own, "beneath": beneath, "goal": 0.9,
        "goal_percent": 90,
    }  # fmt: skip


def race() -> dict[str, float]:
    """Of torch's own optimizers, in float64."""
    import torch

    numbers: dict[str, float] = {"batch": 64, "steps": 300, "goal": 0.1, "winner": 0}
    rules = {
        "sgd": (0.05, lambda weights: torch.optim.SGD(weights, lr=0.05)),
        "momentum": (0.05, lambda weights: torch.optim.SGD(weights, lr=0.05, momentum=0.9)),
        "adam": (0.01, lambda weights: torch.optim.Adam(weights, lr=0.01)),
        "better": (1, lambda weights: torch.optim.SGD(weights, lr=1)),
    }
    for name, (lr, make) in rules.items():
        model, _, losses = torch_path(make, 64, 300)
        _, images, labels, train = torch_network(0)
        right = (model(images[train:]).argmax(dim=1) == labels[train:]).double().mean()
        numbers |= {f"{name}_lr": lr, f"{name}_loss": sum(losses[-20:]) / 20, name: 100 * float(right)}
    del numbers["better"]
    numbers["better"] = numbers.pop("better_loss")
    names, right = ["sgd", "momentum", "adam"], numbers["adam"] / 100
    numbers |= {"held": 360, "error": 100 * math.sqrt(right * (1 - right) / 360)}
    numbers["winner"] = min(range(3), key=lambda i: numbers[f"{names[i]}_loss"])
    return numbers


ORACLE: Sequence[Callable[[], Mapping[str, float | str]]] = (
    local_minimum, noise_escapes, saddle, inflection, vanishing, descent, learning_rate, leap, two_variables,
    stochastic, decay, full_batch, momentum, best_pair, ill_conditioning, sparse, adagrad, rmsprop, cycle, adam,
    uses, cards, mistakes, mini_batch, race, loss_slice,
    rare_words,
)  # fmt: skip
"""A function each, named as the station with "_" for "-"."""
