"""The numbers of the stations with networks: torch's own optimizers and losses in float64, no rule of steepest."""

import math
from collections.abc import Callable
from typing import Any


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
