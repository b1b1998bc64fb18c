"""The slice of the network's loss: plane, heights and grid are those of torch, in Python and in the page."""

import numpy as np
import pytest

from steepest.lecture import network
from steepest.lecture.plane import Plane, full_loss

from ..web.web_node import ask
from .conftest import PATIENCE
from .oracle_networks import principal_plane, torch_losses

RACE = [("sgd", 1.0), ("momentum", 0.05), ("adam", 0.01)]
SIZE, SHAPE = 9, 1.25


def asked(rules, steps=60, **changes):
    training = {"rules": [{"id": name, "settings": {"lr": lr}} for name, lr in rules], "batch": 64, "steps": steps}
    given = {"digits": network.images_as_data(), "training": training | {"seed": 3}, "through": 0}
    return ask("slice", given | {"size": SIZE, "shape": SHAPE, "job": False} | changes)


@pytest.fixture(scope="module")
def answer():
    return asked(RACE, through=1, job=True)


@pytest.fixture(scope="module")
def plane(answer):
    return principal_plane(np.array(answer["paths"][1]))


def test_the_plane_is_that_of_a_singular_value_decomposition(answer, plane):
    origin, axes, explained = plane
    np.testing.assert_allclose(answer["slice"]["explained"], explained, rtol=1e-9)
    for path, way in zip(answer["paths"], answer["slice"]["ways"], strict=True):
        np.testing.assert_allclose(np.reshape(way, (-1, 2)), (np.array(path) - origin) @ axes.T, rtol=0, atol=1e-9)
    ours = Plane.through(np.array(answer["paths"][1]))
    np.testing.assert_allclose(ours.axes, axes, rtol=0, atol=1e-9)
    start, end = (np.reshape(answer["slice"]["ways"][1], (-1, 2))[at] for at in (0, -1))
    assert start[0] < end[0] and start[1] > 0


def test_the_share_of_variance_in_the_plane(answer, plane):
    _, axes, explained = plane
    for path, share in zip(answer["paths"], answer["slice"]["shares"], strict=True):
        points = np.array(path)
        whole, held = points.var(axis=0).sum(), (points @ axes.T).var(axis=0).sum()
        assert share == pytest.approx(held / whole, rel=1e-9)
    assert answer["slice"]["shares"][1] == pytest.approx(sum(explained))
    assert max(answer["slice"]["shares"][0], answer["slice"]["shares"][2]) < 0.9


def test_heights_on_the_plane_and_at_the_paths_own_points(answer, plane):
    origin, axes, _ = plane
    for path, own, beneath in zip(*(answer["paths"], answer["slice"]["own"], answer["slice"]["beneath"]), strict=True):
        points = np.array(path)
        np.testing.assert_allclose(own, torch_losses(points), rtol=1e-10)
        np.testing.assert_allclose(beneath, torch_losses(origin + (points - origin) @ axes.T @ axes), rtol=1e-8)
        assert full_loss(points[-1]) == pytest.approx(own[-1], rel=1e-12)
    assert len(answer["slice"]["own"][0]) == 7  # the start, and every tenth step


def test_the_grid_is_the_loss_on_the_plane(answer, plane):
    origin, axes, _ = plane
    (left, right), (low, high) = answer["slice"]["window"]
    assert (right - left) / (high - low) == pytest.approx(SHAPE)
    xs, ys = np.linspace(left, right, SIZE), np.linspace(low, high, SIZE)
    places = np.array([origin + x * axes[0] + y * axes[1] for y in ys for x in xs])
    np.testing.assert_allclose(answer["slice"]["value"], torch_losses(places), rtol=1e-8)
    assert answer["again"] == answer["slice"]["value"]  # of the job that a worker runs
    assert answer["counts"] == [0, 3, 5, 9] and answer["slice"]["done"]


def test_every_path_lies_in_the_window(answer):
    (left, right), (low, high) = answer["slice"]["window"]
    for way in answer["slice"]["ways"]:
        assert min(way[::2]) > left and max(way[::2]) < right and min(way[1::2]) > low and max(way[1::2]) < high


def test_a_path_that_overflows_takes_no_part():
    found = asked([("sgd", 0.1), ("sgd", 1e200)], steps=30)["slice"]
    assert np.isfinite(found["value"]).all() and len(found["ways"][1]) < len(found["ways"][0])
    assert found["shares"][0] == pytest.approx(sum(found["explained"])) and found["explained"][0] > 0.5
    assert asked([("sgd", 1e200), ("sgd", 0.1)], steps=30)["slice"]["plane"] is None


def test_the_slice_is_computed_in_a_worker(open_lecture):
    page = open_lecture("at=loss-slice")
    workers = []
    page.on("worker", lambda worker: workers.append(worker))
    page.locator(".guess input").fill("90")
    page.keyboard.press("Enter")
    page.locator("#legend .told").first.wait_for(timeout=1000 * PATIENCE)
    for name, least in (("SGD", 95), ("Adam", 97)):
        page.get_by_role("button", name=name, exact=True).click()
        place = ["SGD", "Momentum", "Adam"].index(name)
        for _ in range(PATIENCE * 10):
            told = page.locator("#legend .told").nth(place).inner_text()
            if told and float(told.split(" %")[0]) > least:
                break
            page.wait_for_timeout(100)
        assert float(told.split(" %")[0]) > least
    assert workers and "through=2" in page.evaluate("new Promise((done) => setTimeout(() => done(location.hash), 450))")
