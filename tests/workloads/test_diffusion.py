"""Image generation: the loss, the sampler and the distance against other ways of computing them, and short runs."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.linalg import sqrtm

from steepest import datasets
from steepest.base.errors import InvalidValue
from steepest.datasets.getting import here
from steepest.rules import Adam
from steepest.rules import find as find_rule
from steepest.testing import workload_checks
from steepest.training import train
from steepest.training.grid import grid
from steepest.workloads import file_of, find, summary
from steepest.workloads.applications.diffusion import QUICK, loss
from steepest.workloads.applications.frechet import Reference
from steepest.workloads.applications.velocity import Velocity, generate

LINE = "Image generation: small images of clothes out of noise, class-conditional flow matching, a residual network."
SETTINGS = ", ".join(f"{name}={value}" for name, value in QUICK.items() if name not in ("images", "steps"))


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Bright discs and dark squares of many sizes, with some noise, three discs for each square."""
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:28j, -1:1:28j]
    for kind, count in (("discs", 225), ("squares", 75)):
        (folder / kind).mkdir()
        for number in range(count):
            size = generator.uniform(0.3, 0.9)
            inside = x**2 + y**2 < size**2 if kind == "discs" else np.maximum(abs(x), abs(y)) < size
            pixels = np.where(inside, 230, 90) if kind == "discs" else np.where(inside, 15, 120)
            pixels = pixels + generator.normal(0, 3, pixels.shape)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / f"{number}.png")
    return folder


@pytest.fixture
def small(own):
    return find(f"diffusion({SETTINGS}, folder={str(own)!r})", try_out=False).replace(steps=QUICK["steps"])


@pytest.mark.quick
def test_its_facts_need_no_data():
    assert summary("diffusion") == LINE and "图像生成" in summary("diffusion", "zh")
    assert file_of("diffusion(width=4)").name == "diffusion.py"


def test_images_of_ones_own_keep_the_contract(small):
    assert "your own" in small.about and "自备" in small.about_zh and small.name.startswith(f"diffusion({SETTINGS}, ")
    for check in workload_checks(small).values():
        check()


def test_images_of_ones_own_are_learnt(small):
    """In the share that each kind has among them."""
    run = train(small, Adam(lr=0.003), seed=1, steps=250)
    assert run.curve[-1].metric < 0.1 * run.curve[0].metric
    assert run.curve[-1].loss < 0.6 * run.curve[0].loss


def test_a_hand_written_loop_gives_the_same_curve(small):
    """Torch alone: weights, order, noise and times of each batch, loss, steps and averaged weights."""
    images, kinds, held_out, held_out_kinds = small.data()
    pixels, others = (part.flatten(1).float() / 127.5 - 1 for part in (images, held_out))
    size, steps, seed = 64, 40, 5

    def error(model, pixels, kinds):
        noise, time = torch.randn_like(pixels), torch.sigmoid(torch.randn(len(pixels), 1))
        way = (1 - time) * noise + time * pixels
        return (model(way, time, kinds) - (pixels - noise)).square().mean()

    def measure(model):
        asked = held_out_kinds.sort().values[[place * len(held_out_kinds) // 700 for place in range(700)]]
        x = torch.randn(700, 196, generator=torch.Generator().manual_seed(0))
        for step in range(4):
            time = torch.full((700, 1), step / 4)
            x = x + 0.25 * model(x + 0.125 * model(x, time, asked), time + 0.125, asked)
        return error(model, others, held_out_kinds).item(), oracle(pixels, others, x.clamp(-1, 1))

    torch.manual_seed(seed)
    model = Velocity(196, 2, QUICK["width"], QUICK["depth"])
    averaged = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    batch_seeds = np.random.SeedSequence((seed, 0)).generate_state(256).tolist()
    expected, epoch, order = [], 0, []
    for step in range(steps + 1):
        if step == 0 or step in grid(steps):
            torch.manual_seed(seed ^ 0x5EED)
            with torch.no_grad():
                expected.append(measure(averaged.module if step else model))
        if not len(order):
            epoch_seed = int(np.random.SeedSequence((seed, 1 << 32, epoch)).generate_state(1)[0])
            order = torch.randperm(len(images), generator=torch.Generator().manual_seed(epoch_seed))
            order, epoch = order[: len(images) // size * size], epoch + 1
        torch.manual_seed(batch_seeds[step])
        optimizer.zero_grad()
        error(model, pixels[order[:size]], kinds[order[:size]]).backward()
        optimizer.step()
        averaged.update_parameters(model)
        order = order[size:]
    run = train(small, find_rule("torch.optim:Adam(lr=0.003)"), seed=seed, steps=steps)
    assert [point.loss for point in run.curve] == [value for value, _ in expected]
    assert [point.metric for point in run.curve] == pytest.approx([distance for _, distance in expected], rel=1e-6)


def oracle(images, real, generated, axes=48):
    """Fréchet distance along the principal axes of images, by the square root of a matrix."""
    images, real, generated = (part.double().numpy() for part in (images, real, generated))
    _, _, vectors = np.linalg.svd(images - images.mean(axis=0))
    real, generated = (part @ vectors[:axes].T for part in (real, generated))
    a, b = np.cov(real.T), np.cov(generated.T)
    root = sqrtm(a @ b + 1e-12 * np.eye(len(a))).real
    return ((real.mean(axis=0) - generated.mean(axis=0)) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * np.trace(root)


@pytest.mark.quick
@pytest.mark.parametrize("count", [400, 30])  # the second has covariances without full rank
def test_the_distance_is_that_of_a_matrix_root(count):
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(60, 60, generator=generator) / 8
    images, real, generated = (
        torch.randn(rows, 60, generator=generator) @ mixing + shift
        for rows, shift in ((500, 0.0), (count, 0.1), (count, 0.3))
    )
    distance = Reference(images, real, 48).distance(generated)
    assert distance == pytest.approx(oracle(images, real, generated), rel=1e-4 if count < 48 else 1e-9)


@pytest.mark.quick
def test_the_distance_of_gaussians_is_that_of_the_closed_form():
    """Of independent pixels with deviations s and t, means apart by d: the sum of d^2 + (s - t)^2."""
    unit = torch.randn(4000, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    unit = torch.linalg.qr(unit - unit.mean(dim=0))[0] * math.sqrt(3999)  # mean 0 and covariance 1, exactly
    s, t, d = torch.tensor([[1, 2, 3, 4, 5, 6], [2, 2, 1, 7, 5, 0], [0, 1, 0, 0, 3, 0]], dtype=torch.float64)
    reference = Reference(unit * s, unit * s, 6)
    assert reference.distance(unit * t + d) == pytest.approx(float((d**2 + (s - t) ** 2).sum()), rel=1e-9)
    assert reference.distance(torch.full((9, 6), math.nan)) == math.inf


@pytest.mark.quick
def test_the_loss_is_least_for_the_velocity_that_is_the_mean_of_all_ways():
    """Of one image, x: from any place of the way at time t the velocity to it is (x - place) / (1 - t)."""
    x = torch.linspace(-1, 1, 9).repeat(64, 1)
    torch.manual_seed(0)
    exact = loss(lambda way, time, kinds: (x - way) / (1 - time), (x, None))
    other = loss(lambda way, time, kinds: 0.9 * (x - way) / (1 - time), (x, None))
    assert exact < 1e-8 < 1e-3 < other


@pytest.mark.quick
@pytest.mark.parametrize("steps", [4, 8])
def test_the_sampler_follows_the_velocity_with_an_error_of_second_order(steps):
    """The velocity a x + t, whose way has a closed form."""
    a, start = -0.8, torch.linspace(-0.5, 0.5, 7)[:, None]
    end = (start + 1 / a**2) * math.exp(a) - 1 / a - 1 / a**2
    errors = [
        (generate(lambda x, time, kinds: a * x + time, start, None, count) - end).abs().max().item()
        for count in (steps, 2 * steps)
    ]
    assert errors[0] < 0.01 and errors[0] / errors[1] == pytest.approx(4, rel=0.2)
    assert generate(lambda x, time, kinds: 9 + 0 * x, start, None, steps).max() == 1  # pixels end at white


@pytest.mark.quick
def test_the_network_begins_without_velocity_and_uses_time_and_kind():
    torch.manual_seed(0)
    model = Velocity(196, 3, 16, 2)
    x, time, kinds = torch.randn(6, 196), torch.rand(6, 1), torch.arange(6) % 3
    assert not model(x, time, kinds).any()
    for param in model.parameters():
        torch.nn.init.normal_(param, std=0.3)
    outputs = [
        model(x, time, kinds),
        model(x, time / 2, kinds),
        model(x, time, (kinds + 1) % 3),
        model(x + 1, time, kinds),
    ]
    assert all((outputs[0] - other).abs().amax(dim=1).min() > 1e-2 for other in outputs[1:])
    assert torch.allclose(model(x[2:3], time[2:3], kinds[2:3]), outputs[0][2:3], atol=1e-5)


def test_images_have_the_kinds_of_the_held_out_ones(small, monkeypatch):
    asked = []
    model = small.model()
    monkeypatch.setattr(model, "forward", lambda x, time, kinds: asked.append(kinds) or 0 * x)
    small.evaluate(model)
    share = (small.data()[3] == 1).float().mean().item()
    assert asked[0].bincount().tolist() == pytest.approx([700 * (1 - share), 700 * share], abs=1)


def test_clothes_are_halved_and_the_distance_of_real_images_is_small():
    if not here(datasets.dataset("clothes")):
        pytest.skip("needs the data set clothes: apt-get install dataset-fashion-mnist")
    problem = find("diffusion", try_out=False)
    images, kinds, held_out, held_out_kinds = problem.data()
    read = datasets.load("clothes")
    assert images.shape == (60_000, 14, 14) and images.dtype == torch.uint8
    corner = read.images[:, 10:12, 16:18].astype(float).mean(axis=(1, 2))
    assert np.abs(images[:, 5, 8].numpy() - corner).max() <= 0.5
    assert held_out_kinds.tolist() == read.held_out_labels.tolist() and kinds.tolist() == read.labels.tolist()
    assert sum(param.numel() for param in problem.model().parameters()) == 648_328
    pixels, others = (part.flatten(1) / 127.5 - 1 for part in (images, held_out))
    order = torch.randperm(60_000, generator=torch.Generator().manual_seed(0))
    assert 0.3 < Reference(pixels, others, 48).distance(pixels[order[:700]]) < 0.55


def test_clothes_appear_out_of_noise():
    if not here(datasets.dataset("clothes")):
        pytest.skip("needs the data set clothes: apt-get install dataset-fashion-mnist")
    problem = find(f"diffusion({SETTINGS}, images={QUICK['images']})", try_out=False).replace(steps=QUICK["steps"])
    curve = train(problem, Adam(lr=0.01), seed=1).curve
    assert curve[-1].metric < 0.5 * curve[0].metric


def test_what_it_shows_has_real_images_above_and_the_same_noise_each_time(small):
    session = small.begin(1)
    sheet = session.show(rows=2)
    assert sheet.size == (2 * 60 + 4, 3 * 60 + 16) and sheet.tobytes() == session.show(rows=2).tobytes()
    assert sheet.getpixel((32, 32)) > 220 and sheet.getpixel((92, 32)) < 30  # a disc and a square as they are
    session.advance(torch.optim.Adam(session.model.parameters(), lr=0.01), 5)
    changed = session.show(rows=2)
    assert changed.crop((0, 0, 124, 64)).tobytes() == sheet.crop((0, 0, 124, 64)).tobytes() != changed.tobytes()
    for param in session.model.parameters():
        param.detach().fill_(math.nan)
    session._average = None
    session.show(rows=1)  # of a run that has diverged


@pytest.mark.quick
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("width=0", "diffusion: width: must be a whole number from 1, got 0"),
        ("depth='deep'", "diffusion: depth: must be a whole number from 1, got 'deep'"),
        ("images=99", "diffusion: images: must be a whole number from 100 to 60000, got 99"),
        ("folder='none/there'", "diffusion: there is no folder none/there"),
    ],
)
def test_settings_out_of_their_range_are_refused_in_one_line(settings, message):
    with pytest.raises(InvalidValue, match=f"^{message}$"):
        find(f"diffusion({settings})")
