"""Photos: the stamps of Tux Paint and a folder of one's own, in sizes for a test."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from sklearn.neighbors import NearestNeighbors

from steepest import datasets
from steepest.base.errors import InvalidValue
from steepest.datasets.getting import here
from steepest.rules import Adam
from steepest.rules import find as find_rule
from steepest.testing import workload_checks
from steepest.training import train
from steepest.training.grid import grid
from steepest.workloads import file_of, find, summary
from steepest.workloads.applications import photographs
from steepest.workloads.applications.photos import GREEN, QUICK, RED, TEMPERATURE, Embedding, contrast
from steepest.workloads.draws import epoch_seed
from steepest.workloads.own import own_folder

LINE = (
    "Photo recognition: find the thing that was photographed before, contrastive learning of a convolutional network."
)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Pictures of several sizes and formats, transparent ones and opaque ones, one of them twice, and some notes."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "more").mkdir()
    generator = np.random.default_rng(0)
    for number in range(40):
        size = tuple(generator.integers(30, 90, 2).tolist())
        image = Image.new("RGBA", size, (0, 0, 0, 0) if number % 2 else "white")
        draw = ImageDraw.Draw(image)
        for _ in range(3):
            corners = [np.sort(generator.integers(0, side, 2)).tolist() for side in size]
            box = corners[0][0], corners[1][0], corners[0][1], corners[1][1]
            draw.rectangle(box, fill=tuple(generator.integers(0, 255, 3).tolist()))
        if number % 2:
            image.save(folder / f"{number}.png")
        else:
            image.convert("RGB").save(folder / "more" / f"{number}.bmp")
    (folder / "copy.png").write_bytes((folder / "1.png").read_bytes())
    (folder / "notes.txt").write_text("no picture")
    return folder


def quick(folder):
    settings = ", ".join(f"{name}={value}" for name, value in QUICK.items() if name != "steps")
    return find(f"photos({settings}, folder={str(folder)!r})").replace(steps=QUICK["steps"])


@pytest.mark.quick
def test_its_facts_need_no_data():
    assert summary("photos") == LINE and "照片" in summary("photos", "zh")
    assert file_of("photos(width=8)").name == "photos.py"


def test_one_with_pictures_of_ones_own_keeps_the_contract(own):
    problem = quick(own)
    assert "your own" in problem.about and "自备" in problem.about_zh and problem.examples() == 27
    for check in workload_checks(problem.replace(target=1.0, batch_size=16, own_batch_size=16)).values():
        check()


def test_a_hand_written_loop_gives_the_same_curve(own):
    problem, seed = quick(own).replace(steps=12, batch_size=8), 5
    pictures = photographs.things(own_folder("photos", own))
    generator = torch.Generator().manual_seed(0)
    unseen = [photographs.photographed(pictures[27:], generator) for _ in range(2)]
    known = [photographs.photographed(pictures[:27], generator) for _ in range(32)]
    torch.manual_seed(seed)
    model = Embedding(QUICK["width"], 64)
    optimizer, order, epoch, recalls, losses = torch.optim.Adam(model.parameters(), lr=0.01), [], 0, [], []
    for step in range(1, problem.steps + 1):
        if len(order) < 8:
            draws, epoch = torch.Generator().manual_seed(epoch_seed(seed, epoch)), epoch + 1
            order = torch.randperm(27, generator=draws).tolist()
            views = torch.rand(27, 32, generator=draws).topk(2).indices.tolist()
        chosen, order, of_each, views = order[:8], order[8:], views[:8], views[8:]
        photos = [
            torch.stack([known[pair[i]][thing] for thing, pair in zip(chosen, of_each, strict=True)]) for i in (0, 1)
        ]
        first, second = model(torch.cat(photos)).chunk(2)
        scores = first @ second.T / TEMPERATURE
        tell = torch.nn.functional.cross_entropy
        loss = (tell(scores, torch.arange(8)) + tell(scores.T, torch.arange(8))) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step in grid(problem.steps):
            model.eval()
            with torch.no_grad():
                nearest = NearestNeighbors(n_neighbors=1).fit(model(unseen[0]).numpy())
                found = nearest.kneighbors(model(unseen[1]).numpy(), return_distance=False)[:, 0]
            model.train()
            recalls.append(np.mean(found == np.arange(13)))
    run = train(problem, find_rule("torch.optim:Adam(lr=0.01)"), seed=seed)
    assert [point.metric for point in run.curve[1:]] == pytest.approx(recalls)
    assert [point.train_loss for point in run.curve[1:]] == pytest.approx(losses, rel=1e-4)  # sums in another order


def test_photographs_of_ones_own_things_are_told_apart(own):
    run = train(quick(own).replace(batch_size=27), Adam(lr=0.01), seed=1, steps=40)
    assert run.curve[1].train_loss > 3 and run.curve[-1].train_loss < 2.4


@pytest.mark.quick
def test_a_photograph_has_the_thing_before_another_background_in_other_light():
    green = torch.zeros(50, 4, 48, 48, dtype=torch.uint8)
    green[:, 1, 16:32, 16:32] = green[:, 3, 16:32, 16:32] = 255
    shots = [photographs.photographed(green, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert shots[0].shape == (50, 3, 32, 32) and shots[0].dtype == torch.uint8
    assert torch.equal(shots[0], shots[1]) and not torch.equal(shots[0], shots[2])
    white = green.clone()
    white[:, :3] = white[:, 3:]
    differ = (photographs.photographed(white, torch.Generator().manual_seed(0)) != shots[0]).any(dim=1)
    area = differ.float().mean(dim=(1, 2))  # a ninth of the square, 0.6 to 1.1 times as large, and an edge of a pixel
    assert 0.03 < area.min() < 0.07 and 0.12 < area.max() < 0.22
    corners = shots[0][:, :, [0, 0, -1, -1], [0, -1, 0, -1]].float()
    assert corners.std(dim=0).min() > 30  # backgrounds differ


@pytest.mark.quick
def test_a_picture_is_in_the_middle_of_its_square_whatever_its_form(tmp_path):
    Image.new("RGB", (200, 100), (10, 200, 30)).save(tmp_path / "wide.png")
    thing = photographs._thing(tmp_path / "wide.png")
    assert thing.shape == (48, 48, 4)
    assert (thing[12:36] == (10, 200, 30, 255)).all() and not thing[:12].any() and not thing[36:].any()


@pytest.mark.quick
def test_the_contrast_of_vectors_that_tell_nothing_is_that_of_chance():
    same = torch.nn.functional.normalize(torch.ones(8, 4), dim=1)
    assert contrast(same, same).item() == pytest.approx(np.log(8))
    first, second = torch.randn(2, 8, 4, generator=torch.Generator().manual_seed(0))
    chances = np.exp((first @ second.T).double().numpy() / TEMPERATURE)
    told = [chances[i, i] / chances[i].sum() for i in range(8)] + [
        chances[i, i] / chances[:, i].sum() for i in range(8)
    ]
    assert contrast(first, second).item() == pytest.approx(-np.mean(np.log(told)), rel=1e-5)
    assert contrast(torch.eye(8), torch.eye(8)).item() == pytest.approx(
        np.log1p(7 * np.exp(-1 / TEMPERATURE)), rel=1e-3
    )


def test_stamps_are_split_by_thing():
    if not here(datasets.dataset("stamps")):
        pytest.skip("needs the data set stamps: apt-get install tuxpaint-stamps-default")
    problem = find("photos", try_out=False)
    pictures = photographs.things(None)
    assert problem.examples() == len(pictures) - 200
    assert len({picture.numpy().tobytes() for picture in pictures}) == len(pictures) > 700
    before, query = photographs.held_out(torch.device("cpu"), None)
    assert before.shape == query.shape == (200, 3, 32, 32) and not torch.equal(before, query)
    colours = [photos.float().mean(dim=(2, 3)).numpy() for photos in (before, query)]
    found = NearestNeighbors(n_neighbors=1).fit(colours[0]).kneighbors(colours[1], return_distance=False)[:, 0]
    assert np.mean(found == np.arange(200)) < 0.1  # colours alone do not tell
    assert sum(param.numel() for param in problem.model().parameters()) == 261_888
    run = train(problem.replace(steps=8), Adam(lr=0.003), seed=1)
    assert run.curve[-1].train_loss < run.curve[1].train_loss


def test_what_it_shows_has_a_frame_where_the_thing_is(own):
    session = quick(own).begin(1, "cpu")
    before, query = photographs.held_out(torch.device("cpu"), own_folder("photos", own))
    with session.evaluated():
        order = (session.model(query) @ session.model(before).T).topk(3).indices.tolist()
    sheet = session.show(rows=4, finds=3)
    place, across = 38, 5 * 38
    assert sheet.size == (2 * (2 * across - 19), 2 * 4 * place)
    for thing, found in enumerate(order[:8]):
        left, top = thing % 2 * across, thing // 2 * place
        frames = [
            sheet.getpixel((2 * (left + number * place + (number > 0) * 19 + 2), 2 * (top + 2))) for number in range(4)
        ]
        white = (255, 255, 255)
        assert frames == [white if thing in found else RED, *(GREEN if index == thing else white for index in found)]


@pytest.mark.quick
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("width=0", "photos: width: must be a whole number from 1, got 0"),
        ("length=2.5", "photos: length: must be a whole number from 1, got 2.5"),
        ("folder='none/there'", "photos: there is no folder none/there"),
    ],
)
def test_settings_out_of_their_range_are_refused_in_one_line(settings, message):
    with pytest.raises(InvalidValue, match=f"^{message}$"):
        find(f"photos({settings})")


@pytest.mark.quick
def test_a_damaged_picture_is_named(tmp_path):
    (tmp_path / "0.png").write_bytes(b"no picture")
    with pytest.raises(InvalidValue, match=r"0\.png: cannot be read as an image"):
        find(f"photos(folder={str(tmp_path)!r})")
