"""Captions: emoji and a folder of one's own, in sizes for a test."""

import numpy as np
import pytest
import torch
from PIL import Image

from steepest import datasets
from steepest.base.errors import InvalidValue
from steepest.datasets.getting import here
from steepest.rules import Adam
from steepest.rules import find as find_rule
from steepest.testing import workload_checks
from steepest.training import train
from steepest.training.grid import grid
from steepest.workloads import file_of, find, summary
from steepest.workloads.applications import caption_sheet, lettering, named_pictures
from steepest.workloads.applications.captions import QUICK, Captioner
from steepest.workloads.draws import epoch_seed
from steepest.workloads.own import own_folder

LINE = "Vision and language: emoji named in English and in Chinese, word by word, a small transformer that sees them."
COLOURS = {"red": ("红", (220, 30, 30)), "green": ("绿", (30, 160, 60)), "blue": ("蓝", (40, 60, 210))}
SHAPES = {"square": ("方形", (4, 4, 28, 28)), "bar": ("横条", (2, 12, 30, 20)), "small dot": ("小点", (12, 12, 20, 20))}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Shapes in colours, of several sizes and formats, with names in two languages."""
    folder = tmp_path_factory.mktemp("captions")
    lines = []
    for colour, (colour_zh, rgb) in COLOURS.items():
        for shape, (shape_zh, (left, top, right, bottom)) in SHAPES.items():
            for number in range(4):
                pixels = np.full((32, 32, 3), 255, np.uint8)
                pixels[top : bottom - number, left:right] = rgb
                file = f"{colour} {shape} {number}.{'png' if number % 2 else 'bmp'}"
                Image.fromarray(pixels).resize((32 + 8 * number, 40)).save(folder / file)
                lines.append(f"{file}\t{colour} {shape}\t{colour_zh}色{shape_zh}")
    (folder / "names.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return folder


def quick(folder):
    settings = ", ".join(f"{name}={value}" for name, value in QUICK.items() if name != "steps")
    return find(f"captions({settings}, folder={str(folder)!r})").replace(steps=QUICK["steps"])


def needs_emoji():
    if not here(datasets.dataset("emoji")):
        pytest.skip("needs the data set emoji: its file in the folder STEEPEST_DATA, or fonts-noto-color-emoji")


@pytest.mark.quick
def test_its_facts_need_no_data():
    assert summary("captions") == LINE and "表情符号" in summary("captions", "zh")
    assert file_of("captions(depth=1)").name == "captions.py"


def test_one_with_pictures_of_ones_own_keeps_the_contract(own):
    problem = quick(own)
    assert "your own" in problem.about and "自备" in problem.about_zh and problem.examples() == 2 * 29
    for check in workload_checks(problem.replace(target=0.99)).values():
        check()


def test_a_hand_written_loop_gives_the_same_curve(own):
    problem, seed = quick(own).replace(steps=40, batch_size=16, ema=0.5), 5
    vocabulary, training, held_out, _ = named_pictures.data(own_folder("captions", own))
    examples = [(training.pictures[i], training.names[i, language]) for i in range(29) for language in range(2)]
    asked = [(held_out.pictures[i], held_out.names[i, language]) for i in range(7) for language in range(2)]

    def batch_of(pairs):
        longest = max(int((name >= 0).sum()) for _, name in pairs)
        return torch.stack([picture for picture, _ in pairs]), torch.stack([name[:longest] for _, name in pairs])

    torch.manual_seed(seed)
    model = Captioner(len(vocabulary), QUICK["width"], QUICK["depth"])
    optimizer, average, order, epoch, rights = torch.optim.Adam(model.parameters(), lr=0.01), None, [], 0, []
    for step in range(1, problem.steps + 1):
        if len(order) < 16:
            generator = torch.Generator().manual_seed(epoch_seed(seed, epoch))
            order, epoch = torch.randperm(len(examples), generator=generator).tolist(), epoch + 1
        chosen, order = order[:16], order[16:]
        pictures, names = batch_of([examples[index] for index in chosen])
        scores = model(pictures, names[:, :-1].clamp(min=0))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(scores.flatten(0, 1), names[:, 1:].flatten(), ignore_index=-100).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if average is None:
            average = [param.detach().clone() for param in model.parameters()]
        for mean, param in zip(average, model.parameters(), strict=True):
            mean.lerp_(param.detach(), 0.5)
        if step in grid(problem.steps):
            evaluated = Captioner(len(vocabulary), QUICK["width"], QUICK["depth"])
            evaluated.load_state_dict(model.state_dict())  # with the means and deviations of channels
            for param, mean in zip(evaluated.parameters(), average, strict=True):
                param.data.copy_(mean)
            evaluated.eval()
            pictures, names = batch_of(asked)
            with torch.no_grad():
                said = evaluated(pictures, names[:, :-1].clamp(min=0)).argmax(dim=2)
            right = ((said == names[:, 1:]) | (names[:, 1:] < 0)).all(dim=1)
            rights.append(right.float().mean().item())
    run = train(problem, find_rule("torch.optim:Adam(lr=0.01)"), seed=seed)
    assert [point.metric for point in run.curve[1:]] == rights and 0 < rights[-1] < 1


def test_names_of_ones_own_pictures_are_learnt_and_written_word_by_word(own):
    problem = find(f"captions(width=32, depth=1, folder={str(own)!r})").replace(ema=None)
    session = problem.begin(1, "cpu")
    session.advance(torch.optim.Adam(session.model.parameters(), lr=0.003), 80)
    measured = session.measure()["names right"]
    assert measured > 0.8
    _, _, (pictures, _), truth = named_pictures.data(own_folder("captions", own))
    written = [session.named(pictures, language) for language in range(2)]
    right = np.mean(
        [
            said == true
            for spoken, trues in zip(written, truth, strict=True)
            for said, true in zip(spoken, trues, strict=True)
        ]
    )
    assert right == pytest.approx(float(measured))  # one pass tells the same as writing
    assert session.show(rows=2, columns=3).width > 3 * 96


def test_greedy_writing_agrees_with_one_pass_also_where_it_is_wrong(own):
    session = quick(own).replace(ema=None).begin(3, "cpu")
    session.advance(torch.optim.Adam(session.model.parameters(), lr=0.01), 25)
    measured = float(session.measure()["names right"])
    _, _, (pictures, _), truth = named_pictures.data(own_folder("captions", own))
    right = [
        said == true
        for language in range(2)
        for said, true in zip(session.named(pictures, language), truth[language], strict=True)
    ]
    assert np.mean(right) == pytest.approx(measured) and 0 < measured < 1


@pytest.mark.quick
def test_words_and_characters_come_apart_and_together():
    for name in ("thinking face", "AB型血", "情侣：女人男人", "a 12 o’clock"):
        assert named_pictures.joined(named_pictures.words_of(name)) == name
    assert named_pictures.words_of("情侣：女 人") == ["情", "侣", "：", "女", "人"]


def test_emoji_are_those_whose_words_are_shared():
    needs_emoji()
    vocabulary, training, held_out, _ = named_pictures.data(None)
    assert (tuple(training.pictures.shape), tuple(held_out.names.shape)) == ((2206, 3, 32, 32), (200, 2, 21))
    assert len({picture.numpy().tobytes() for picture in torch.cat([training.pictures, held_out.pictures])}) == 2406
    assert (held_out.pictures.flatten(1).min(dim=1).values < 255).all()
    counts = torch.cat([training.names, held_out.names]).flatten(1)
    words = [set(row[row > 3].tolist()) for row in counts]
    assert all(sum(token in row for row in words) > 1 for token in range(4, len(vocabulary)))
    unknown = (held_out.names == named_pictures.UNKNOWN).flatten(1).any(dim=1)
    assert unknown.sum() <= 4
    shown = [[vocabulary[token] for token in row if token > 3] for row in training.names[:, 0].tolist()]
    assert ["kiss", "woman", "man"] in shown and not any("Switzerland" in words for words in shown)


def test_emoji_are_learnt():
    needs_emoji()
    problem = find("captions", try_out=False)
    assert sum(param.numel() for param in problem.model().parameters()) == 443_616
    run = train(problem.replace(steps=8), Adam(lr=0.003), seed=1)
    assert run.curve[-1].loss < run.curve[0].loss


@pytest.mark.quick
def test_a_sheet_has_what_is_right_in_green_and_else_the_truth_below(monkeypatch):
    pictures = np.zeros((2, 32, 32, 3), np.uint8)
    said = [[["red", "dot"], ["red", "bar"]], [["红"], []]]
    truth = [[["red", "dot"], ["blue", "bar"]], [["红"], ["蓝"]]]
    drawn = caption_sheet.sheet(pictures, said, truth, 2)
    cell = (drawn.width - caption_sheet.MARGIN) // 2
    first, second = (
        set(map(tuple, np.asarray(drawn)[:, part].reshape(-1, 3).tolist())) for part in (slice(cell), slice(cell, None))
    )
    assert caption_sheet.RIGHT in first and caption_sheet.WRONG not in first
    assert {caption_sheet.WRONG, caption_sheet.TRUTH} <= second and caption_sheet.RIGHT not in second
    monkeypatch.setattr(lettering, "FONTS", ())
    assert caption_sheet.sheet(pictures, said, truth, 2).size == drawn.size  # English only


@pytest.mark.quick
def test_long_names_are_broken_between_words():
    font = lettering.font_for("red", caption_sheet.POINTS)
    words = ["woman", "in", "manual", "wheelchair", "facing", "right", "medium-light", "skin", "tone"]
    lines = [*caption_sheet._broken(words, font)]
    assert len(lines) > 1 and " ".join(lines).split() == words
    assert all(font.getlength(line) <= caption_sheet.TEXT for line in lines)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("width=12", "captions: width: must be a multiple of 8, got 12"),
        ("depth=0", "captions: depth: must be a whole number from 1, got 0"),
        ("folder='none/there'", "captions: there is no folder none/there"),
    ],
)
def test_settings_out_of_their_range_are_refused_in_one_line(settings, message):
    with pytest.raises(InvalidValue, match=f"{message}$"):
        find(f"captions({settings})")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[:9], "names.txt must name ten pictures or more, got 9"),
        (lambda lines: [*lines, "red bar 0.bmp\tred bar"], "each line must be the file of a picture and its names"),
        (lambda lines: [line.partition("\t")[0] for line in lines], "each line must be the file of a picture"),
        (lambda lines: [*lines, "none.png\ta\tb"], r"none\.png: cannot be read as an image"),
    ],
)
def test_a_file_of_names_with_a_mistake_is_refused_in_one_line(own, tmp_path, change, message):
    for file in own.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    lines = (own / "names.txt").read_text(encoding="utf-8").splitlines()
    (tmp_path / "names.txt").write_text("\n".join(change(lines)), encoding="utf-8")
    with pytest.raises(InvalidValue, match=message):
        find(f"captions(folder={str(tmp_path)!r})")
