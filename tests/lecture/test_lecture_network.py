"""The network in the page: its gradient is PyTorch's, and its training that of Python."""

import numpy as np
import pytest
import torch

from steepest.lecture import network, rare_words
from steepest.rules import RULES

from ..web.web_node import ask
from .oracle_networks import plain_texts, torch_network

ROWS = [3, 0, 700, 1436, 1500]
RACE = [("sgd", 0.05), ("momentum", 0.05), ("adam", 0.01)]
STEPS = 60
WATCHED = [0, 9, 250]


@pytest.fixture(scope="module")
def answer():
    rules = [{"id": name, "settings": {"lr": lr}} for name, lr in RACE]
    spec = {"rules": rules, "batch": 64, "steps": STEPS, "seed": 3}
    decaying = {"id": "sgd", "settings": {"lr": 20}, "schedule": {"id": "inverse_sqrt", "rate": 0.1}}
    words = {"rules": [decaying, {"id": "adagrad", "settings": {"lr": 2}}], "batch": 32, "steps": STEPS, "seed": 3}
    asked = {"digits": network.images_as_data(), "seed": 3, "rows": ROWS, "trainings": [spec]}
    asked |= {"texts": rare_words.SIZES, "wordTraining": words, "watched": WATCHED}
    return ask("network", asked)


def test_the_gradient_is_that_of_torch(answer):
    model, images, labels, _ = torch_network(3)
    loss = torch.nn.functional.cross_entropy(model(images[ROWS]), labels[ROWS])
    loss.backward()
    weights, gradient = (
        np.concatenate([part.detach().numpy().ravel() for part in parts])
        for parts in (list(model.parameters()), [part.grad for part in model.parameters()])
    )
    found = network.images()
    ours = network.loss_of(network.first_weights(64, 3), found.pixels[ROWS], found.labels[ROWS])
    np.testing.assert_array_equal(answer["weights"], weights)
    for value, slopes in ((answer["loss"], answer["gradient"]), ours[:2]):
        assert value == pytest.approx(loss.item(), rel=1e-12)
        np.testing.assert_allclose(slopes, gradient, rtol=0, atol=1e-10)
    assert np.abs(gradient).max() > 0.1


def test_the_noise_of_one_image_is_that_of_torch(answer):
    model, images, labels, train = torch_network(3)
    weights, gradients = dict(model.named_parameters()), []
    for image, label in zip(images[:train], labels[:train], strict=True):
        loss = torch.nn.functional.cross_entropy(model(image), label)
        gradients.append(torch.cat([part.ravel() for part in torch.autograd.grad(loss, list(weights.values()))]))
    stacked = torch.stack(gradients)
    noise = (stacked - stacked.mean(dim=0)).square().sum(dim=1).mean().sqrt()
    assert answer["noise"] == pytest.approx(noise.item(), rel=1e-10)


def test_the_page_trains_as_python_does(answer):
    """The same weights and batches, so that only rounding differs."""
    for (name, lr), end in zip(RACE, answer["ends"][0], strict=True):
        expected = network.train(RULES[name](lr=lr), batch=64, steps=STEPS, seed=3)
        assert np.mean(end["losses"][-20:]) == pytest.approx(expected["loss"], rel=1e-7)
        assert end["accuracy"] == pytest.approx(expected["accuracy"])
        assert len(end["losses"]) == STEPS


def test_texts_are_those_of_plain_draws(answer):
    texts, good = plain_texts()
    assert answer["words"]["words"] == [word for text in texts for word in text]
    assert answer["words"]["good"] == good
    counts, ours = rare_words.texts()
    np.testing.assert_array_equal(counts, [np.bincount(text, minlength=300) for text in texts])
    np.testing.assert_array_equal(ours, good)


def test_the_loss_of_texts_and_its_gradient_are_those_of_torch(answer):
    texts, good = (torch.tensor(part)[ROWS] for part in plain_texts())
    weights = torch.sin(torch.arange(300, dtype=torch.float64)).requires_grad_()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(weights[texts].sum(dim=1), good.double())
    loss.backward()
    assert answer["words"]["lossOfTexts"]["loss"] == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(answer["words"]["slopes"], weights.grad, rtol=0, atol=1e-12)


def test_the_page_trains_on_texts_as_python_does(answer):
    decaying, own = answer["words"]["ends"]
    for end, rule, schedule in ((decaying, "sgd", "inverse_sqrt(rate=0.1)"), (own, "adagrad", "constant")):
        expected = rare_words.train(RULES[rule](lr=20 if rule == "sgd" else 2), schedule, 32, STEPS, 3)
        assert end["accuracy"] == pytest.approx(expected.accuracy)
        rates = np.array(end["rates"], dtype=float)
        seen = [column[np.isfinite(column)] for column in rates.T]
        last = [column[-1] if len(column) else np.nan for column in seen]
        np.testing.assert_allclose(last, expected.rates[WATCHED], rtol=1e-7)
    assert np.isfinite(rates[:, 0]).all() and 0 < len(seen[2]) < STEPS / 2  # rare words are in few batches
    assert (np.diff(seen[2]) < 0).all()


def test_batches_go_through_all_images_before_any_comes_again():
    drawn = network.batches(10, 3, seed=0)
    rows = np.concatenate([next(drawn) for _ in range(3)])
    assert len(set(rows)) == 9


def test_images_are_packed_without_loss():
    packed, found = network.images_as_data(), network.images()
    letters = np.frombuffer(packed["pixels"].encode(), dtype=np.uint8).reshape(found.pixels.shape)
    np.testing.assert_array_equal((letters - ord("a")) / 16, found.pixels)
    assert packed["labels"] == "".join(map(str, found.labels)) and packed["train"] == found.train == 1437
