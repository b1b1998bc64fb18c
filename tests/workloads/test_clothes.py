"""Clothes: the data set and a folder of one's own, in sizes for a test."""

import numpy as np
import pytest
import torch
from PIL import Image

from steepest import datasets, rules
from steepest.base.errors import InvalidValue
from steepest.datasets.getting import here
from steepest.rules import Adam
from steepest.testing import workload_checks
from steepest.training import train
from steepest.training.grid import grid
from steepest.workloads import file_of, find, summary
from steepest.workloads.applications import clothes

LINE = "Image classification: ten kinds of clothes (Fashion-MNIST), a small convolutional network."


@pytest.fixture
def own(tmp_path):
    """Bright and dark pictures of several sizes and formats, and a file that is no picture."""
    generator = np.random.default_rng(0)
    for kind, level in (("bright", 150), ("dark", 20)):
        (tmp_path / kind).mkdir()
        for number in range(30):
            pixels = generator.integers(level, level + 100, (20 + number, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / kind / f"{number}.{'png' if number % 2 else 'jpg'}")
        (tmp_path / kind / "notes.txt").write_text("no picture")
    return tmp_path


def needs_clothes():
    if not here(datasets.dataset("clothes")):
        pytest.skip("needs the data set clothes: apt-get install dataset-fashion-mnist")


def test_its_facts_need_no_data():
    assert summary("clothes") == LINE and "服装" in summary("clothes", "zh")
    assert file_of("clothes(width=4)").name == "clothes.py"


def test_one_with_pictures_of_ones_own_keeps_the_contract(own):
    problem = find(f"clothes(width=4, folder={str(own)!r})")
    assert (
        problem.name == f"clothes(width=4, folder={str(own)!r})"
        and "your own" in problem.about
        and "自备" in problem.about_zh
    )
    for check in workload_checks(problem).values():
        check()


def test_it_tells_clothes_apart():
    needs_clothes()
    problem = find("clothes(width=4)").replace(steps=25)
    inputs, labels, held_out, held_out_labels = problem.data()
    assert (len(inputs), len(held_out), inputs.dtype, int(labels.max())) == (60_000, 2000, torch.uint8, 9)
    assert held_out_labels.bincount().min() > 170
    assert train(problem, Adam(lr=0.01), seed=1).curve[-1].metric > 0.5
    assert sum(param.numel() for param in find("clothes", try_out=False).model().parameters()) == 20_490


def test_a_folder_of_ones_own_takes_its_place(own):
    problem = find(f"clothes(folder={str(own)!r})")
    inputs, _, held_out, held_out_labels = problem.data()
    assert (tuple(inputs.shape), len(held_out)) == ((48, 28, 28), 12) and held_out_labels.tolist() == [0] * 6 + [1] * 6
    assert train(problem, Adam(lr=0.01), seed=1, steps=20).curve[-1].metric == 1.0


def test_its_quick_run_is_that_of_a_loop_written_by_hand(own):
    """Torch alone: weights, order of the batches, loss, steps and measures, number by number."""
    width, steps = clothes.QUICK["width"], clothes.QUICK["steps"]
    problem = clothes.clothes(width=width, folder=str(own)).replace(batch_size=8)
    inputs, labels, held_out, held_out_labels = problem.data()
    torch.manual_seed(4)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, width, 3, stride=2, padding=1), torch.nn.ReLU(),
        torch.nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), torch.nn.ReLU(),
        torch.nn.Flatten(), torch.nn.Linear(2 * width * 49, 2),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

    def scores(images):
        return model(((images.float() - 0.286 * 255) / (0.353 * 255))[:, None])

    generator = torch.Generator().manual_seed(4)
    order, expected = [], []
    for _ in range(steps):
        if not len(order):
            order = torch.randperm(len(inputs), generator=generator)  # 48, six batches
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(scores(inputs[order[:8]]), labels[order[:8]]).backward()
        optimizer.step()
        order = order[8:]
        with torch.no_grad():
            output = scores(held_out)
        loss = torch.nn.functional.cross_entropy(output, held_out_labels)
        expected.append((loss.item(), (output.argmax(dim=1) == held_out_labels).float().mean().item()))
    run = train(problem, rules.find("torch.optim:Adam", lr=0.001), seed=4, steps=steps)
    assert [(point.loss, point.metric) for point in run.curve[1:]] == [expected[step - 1] for step in grid(steps)]
    assert run.curve[-1].loss < 0.5 * run.curve[1].loss


def test_what_it_shows_has_a_frame_for_each_picture(own):
    session = find(f"clothes(folder={str(own)!r})").begin(1, "cpu")
    sheet = session.show(rows=2, columns=6)
    assert sheet.size == (2 * 6 * 34, 2 * 2 * 34)
    assert min(sheet.getpixel((2 * 17, 2 * 17))) > 120  # a bright image, as it is
    colours = {sheet.getpixel((2 * (column * 34 + 1), 2 * (row * 34 + 1))) for row in range(2) for column in range(6)}
    assert colours <= {(46, 160, 67), (207, 34, 46)}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("width=0", "width: must be a whole number from 1, got 0"),
        ("width=2.5", "width: must be a whole number from 1, got 2.5"),
        ("images=70000", "images: must be a whole number from 1 to 60000, got 70000"),
        ("folder='none/there'", "there is no folder none/there"),
    ],
)
def test_settings_out_of_their_range_are_refused_in_one_line(settings, message):
    with pytest.raises(InvalidValue, match=f"^(clothes: )?{message}$"):
        find(f"clothes({settings})")


def test_a_damaged_picture_is_named(own):
    (own / "dark" / "0.jpg").write_bytes(b"no picture")
    with pytest.raises(InvalidValue, match=r"dark/0\.jpg: cannot be read as an image"):
        find(f"clothes(folder={str(own)!r})")


def test_folders_without_pictures_are_refused(tmp_path):
    for kind in "ab":
        (tmp_path / kind).mkdir()
    with pytest.raises(InvalidValue, match="must have a folder of images for each of two or more kinds"):
        find(f"clothes(folder={str(tmp_path)!r})")
    for kind in "ab":
        Image.new("RGB", (4, 4)).save(tmp_path / kind / "0.png")
    with pytest.raises(InvalidValue, match=r"must have ten images or more in its folders, got 2"):
        find(f"clothes(folder={str(tmp_path)!r})")
