"""Muon with a partner: where each parameter goes and why, and that each rule does there what it does alone."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR

import steepest
from steepest.base.errors import InvalidValue, UnknownName, UnknownSetting
from steepest.optim import as_optimizer
from steepest.optim.routing import MuonWith, optimizer_of
from steepest.rules import SGD
from steepest.rules.muon import Muon

STEPS = 20
MUON, ADAMW = "muon(lr=0.02, momentum=0.9)", "adamw(lr=0.01, betas=(0.8, 0.9))"


class Net(nn.Module):
    """An embedding, a filter, two hidden layers and an output layer."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.tokens = nn.Embedding(7, 6)
        self.filter = nn.Conv1d(1, 2, 3)
        self.hidden = nn.Linear(8, 5)
        self.norm = nn.LayerNorm(5)
        self.multihead_mix = nn.Linear(5, 4)
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        x = self.filter(self.tokens(x).unsqueeze(1)).flatten(1)
        return self.out(torch.tanh(self.multihead_mix(self.norm(self.hidden(x)))))


HIDDEN = {"filter.weight", "hidden.weight", "multihead_mix.weight"}


@pytest.fixture(autouse=True)
def local_random_numbers():
    with torch.random.fork_rng():
        yield


def train(model, *optimizers, steps=range(STEPS), after=lambda: None):
    for step in steps:
        inputs = (torch.arange(8) * (step + 3)) % 7
        for optimizer in optimizers:
            optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), inputs % 3).backward()
        for optimizer in optimizers:
            optimizer.step()
        after()
    return model


def routed(optimizer):
    """The names that each rule got."""
    return {group["rule"]: set(group["param_names"]) for group in optimizer.param_groups}


def reasons(optimizer):
    return {name: why for group in optimizer.param_groups for name, why in group["why"].items()}


def same(model, other):
    return all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


# --- who gets what ----------------------------------------------------------------------------------------------------


def test_hidden_matrices_go_to_muon_and_the_rest_to_the_partner():
    optimizer = MuonWith(model := Net())
    names = {name for name, _ in model.named_parameters()}
    assert routed(optimizer) == {"muon": HIDDEN, "adamw": names - HIDDEN}
    why = reasons(optimizer)
    assert why["tokens.weight"] == "an embedding: each row is a vector of its own"
    assert why["norm.weight"] == why["out.bias"] == "not a matrix"
    assert why["out.weight"] == "the last matrix, taken for the output layer"
    assert why["hidden.weight"] == "a matrix inside the network"
    assert why["filter.weight"] == "a filter inside the network, as a matrix"


def test_print_says_where_each_went_and_why():
    optimizer = MuonWith(model := Net())
    text = str(optimizer)
    for name, param in model.named_parameters():
        (line,) = [each for each in text.splitlines() if f" {name} " in each]
        rule = "muon" if name in HIDDEN else "adamw"
        assert line.split()[:3] == [rule, name, "×".join(map(str, param.shape))]
        assert line.endswith(reasons(optimizer)[name])


def test_names_tell_embeddings_and_heads_where_no_module_does():
    matrix = torch.nn.Parameter(torch.ones(2, 2))
    names = ("wte.weight", "patch_embed.proj", "blocks.0.multihead.weight", "blocks.1.weight", "lm_head.weight")
    optimizer = MuonWith([(name, copy.deepcopy(matrix)) for name in names])
    assert routed(optimizer)["muon"] == {"blocks.0.multihead.weight", "blocks.1.weight"}
    assert reasons(optimizer)["lm_head.weight"] == "the output layer, by its name"


def test_nameless_parameters_are_told_by_their_shape():
    optimizer = MuonWith(Net().parameters())
    assert routed(optimizer)["muon"] == {"parameter 0", "parameter 1", "parameter 3", "parameter 7"}


def test_a_single_matrix_is_not_taken_for_the_output():
    assert routed(MuonWith(nn.Linear(2, 3))) == {"muon": {"weight"}, "adamw": {"bias"}}
    assert routed(MuonWith(nn.LayerNorm(3))) == {"adamw": {"weight", "bias"}}


def test_patterns_decide_otherwise():
    optimizer = MuonWith(Net(), to_muon=["out.weight", "tokens.*"], to_partner=["multihead*"])
    assert routed(optimizer)["muon"] == {"tokens.weight", "filter.weight", "hidden.weight", "out.weight"}
    assert reasons(optimizer)["out.weight"] == "named in to_muon"
    assert reasons(optimizer)["multihead_mix.weight"] == "named in to_partner"


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"to_muon": ["hiden.*"]}, InvalidValue, "no parameter's name matches 'hiden.*'"),
        ({"to_muon": ["hidden.bias"]}, InvalidValue, "hidden.bias is not a matrix, its shape is (5,)"),
        ({"to_muon": "out.weight"}, InvalidValue, "to_muon and to_partner are lists of patterns"),
        ({"muon": "muno"}, UnknownName, "did you mean 'muon'?"),
        ({"partner": "adamw(bets=(0.9, 0.9))"}, UnknownSetting, "did you mean 'betas'?"),
        ({"muon": "muon(lr=-1)"}, InvalidValue, "Muon: lr must lie in [0, inf)"),
    ],
    ids=str,
)
def test_what_is_refused(settings, error, message):
    with pytest.raises(error) as raised:
        MuonWith(Net(), **settings)
    assert message in str(raised.value)


def test_groups_and_rules_of_ones_own_are_refused():
    with pytest.raises(InvalidValue, match="it makes the groups itself"):
        MuonWith([{"params": Net().parameters()}])

    class Mine(SGD):
        """Not in the list."""

    with pytest.raises(InvalidValue, match="not one of steepest's own rules"):
        MuonWith(Net(), partner=Mine())


# --- each rule does what it does alone --------------------------------------------------------------------------------


@pytest.mark.parametrize("partner", [ADAMW, "prodigy", "schedulefreesgd(lr=0.1)", "sgd(lr=0.1)"])
def test_equals_two_optimizers(partner):
    model = train(together := Net(), MuonWith(together, MUON, partner))
    apart = Net()
    named = dict(apart.named_parameters())
    alone = as_optimizer(type(steepest.rules.find(partner)))
    settings = {name: getattr(steepest.rules.find(partner), name) for name in alone.rule_class.hyperparameters()}
    muon = as_optimizer(Muon)([named[name] for name in named if name in HIDDEN], lr=0.02, momentum=0.9)
    train(apart, muon, alone([named[name] for name in named if name not in HIDDEN], **settings))
    assert same(model, apart)
    assert not same(model, Net())


def test_muon_of_a_filter_is_that_of_its_matrix():
    generator = torch.Generator().manual_seed(0)
    start, gradient = torch.randn(2, 4, 3, 2, 2, generator=generator, dtype=torch.float64)
    steps = []
    for shape in ((4, 3, 2, 2)[1:], (2, -1)):
        param = nn.Parameter(start[0].reshape(3, 2, 2) if len(shape) == 3 else start[0].reshape(3, 4))
        param.grad = gradient[0].reshape(param.shape).clone()
        as_optimizer(Muon)([param]).step()
        steps.append(param.detach().flatten())
    assert torch.equal(*steps)


# --- as any optimizer -------------------------------------------------------------------------------------------------


def through_a_file(state):
    torch.save(state, file := io.BytesIO())
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("partner", [ADAMW, "prodigy"])
@pytest.mark.parametrize("route", [copy.deepcopy, through_a_file], ids=["in memory", "through a file"])
def test_resumes_bit_by_bit(partner, route):
    model = Net()
    optimizer = MuonWith(model, MUON, partner)
    train(model, optimizer, steps=range(10))
    other = copy.deepcopy(model)
    resumed = MuonWith(other, "muon(lr=0.5)", partner)
    resumed.load_state_dict(route(optimizer.state_dict()))
    assert str(resumed) == str(optimizer)
    assert same(train(other, resumed, steps=range(10, STEPS)), train(model, optimizer, steps=range(10, STEPS)))


def test_a_checkpoint_that_was_routed_otherwise_is_refused():
    model = Net()
    train(model, optimizer := MuonWith(model))
    before = copy.deepcopy(optimizer.state_dict())
    for other, message in [
        (MuonWith(model, to_muon=["out.weight"]), "other parameters"),
        (MuonWith(model, partner="sgd"), "the checkpoint has adamw where this one has sgd"),
    ]:
        with pytest.raises(InvalidValue, match=message):
            other.load_state_dict(before)
        assert not other.state
    with pytest.raises(InvalidValue, match="the checkpoint has None where this one has muon"):
        optimizer.load_state_dict(steepest.AdamW(model.parameters()).state_dict())


def test_copies_go_on_bit_by_bit():
    model = Net()
    train(model, optimizer := MuonWith(model, MUON, ADAMW))
    for copied in (copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))):
        other, again = copied((model, optimizer))
        assert str(again) == str(optimizer)
        expected = copied((model, optimizer))
        assert same(train(other, again, steps=range(5)), train(*expected, steps=range(5)))
        assert not same(other, model)


def test_schedulers_move_both_learning_rates():
    model = Net()
    optimizer = MuonWith(model, MUON, ADAMW)
    scheduler = CosineAnnealingLR(optimizer, T_max=STEPS)
    train(model, optimizer, steps=range(STEPS // 2), after=scheduler.step)
    rates = [group["lr"] for group in optimizer.param_groups]
    assert rates == pytest.approx([0.01, 0.005])
    optimizer = MuonWith(model, MUON, ADAMW)
    LambdaLR(optimizer, [lambda step: 1.0, lambda step: 0.0])
    before = copy.deepcopy(model)
    train(model, optimizer)
    moved = {
        name
        for (name, new), old in zip(model.named_parameters(), before.parameters(), strict=True)
        if not torch.equal(new, old)
    }
    assert moved == HIDDEN


def test_another_group_names_its_rule():
    model = Net()
    optimizer = MuonWith(model)
    extra = nn.Parameter(torch.ones(3))
    optimizer.add_param_group({"params": [("extra", extra)], "rule": "sgd", "lr": 0.5})
    assert routed(optimizer)["sgd"] == {"extra"}
    assert "sgd    extra                 3      added later" in str(optimizer)
    extra.grad = torch.ones(3)
    optimizer.step()
    assert torch.equal(extra, torch.full((3,), 0.5))
    for group, message in [
        ({"params": [extra]}, "say whose the group is"),
        ({"params": [extra], "rule": "sgd", "betas": (0.9, 0.9)}, "SGD has no betas"),
        ({"params": [extra], "rule": "sgd"}, "more than one parameter group"),
    ]:
        with pytest.raises(ValueError, match=message):
            optimizer.add_param_group(group)
    assert len(optimizer.param_groups) == 3


def test_evaluating_reaches_a_schedule_free_partner():
    model = Net()
    train(model, optimizer := MuonWith(model, MUON, "schedulefreesgd(lr=0.1)"))
    before = copy.deepcopy(model)
    with optimizer.evaluating():
        changed = {
            name
            for (name, new), old in zip(model.named_parameters(), before.parameters(), strict=True)
            if not torch.equal(new, old)
        }
    assert changed == {name for name, _ in model.named_parameters()} - HIDDEN
    assert same(model, before)


# --- all of a model ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["original", "match_rms_adamw"])
def test_the_partner_of_a_comparison_steps_as_far_as_muon(way):
    """Entry by entry, in the mean: Muon's first step on the largest matrix, against 0.2 of AdamW's learning rate."""
    model = nn.Sequential(nn.Linear(48, 32), nn.Tanh(), nn.Linear(32, 3)).double()
    optimizer = optimizer_of(Muon(lr=0.03, adjust_lr_fn=way, weight_decay=0.0), model)
    assert routed(optimizer) == {"muon": {"0.weight"}, "adamw": {"0.bias", "2.weight", "2.bias"}}
    before = model[0].weight.detach().clone()
    generator = torch.Generator().manual_seed(0)
    for param in model.parameters():
        param.grad = torch.randn(param.shape, generator=generator, dtype=torch.float64)
    optimizer.step()
    moved = (model[0].weight.detach() - before).square().mean().sqrt().item()
    rate = optimizer.param_groups[1]["lr"]
    assert moved == pytest.approx(0.2 * rate, rel=0.2)  # the iteration makes singular values of 0.7 to 1.2, not 1
    if way == "match_rms_adamw":
        assert rate == pytest.approx(0.03)


def test_a_rule_for_everything_has_no_partner():
    optimizer = optimizer_of(SGD(lr=0.3), Net())
    assert type(optimizer).__name__ == "SGD"
    assert optimizer.param_groups[0]["lr"] == 0.3


def test_a_model_without_a_matrix_inside_is_not_for_muon():
    with pytest.raises(InvalidValue, match="no matrix between"):
        optimizer_of(Muon(), nn.Sequential(nn.Embedding(5, 4), nn.LayerNorm(4)))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))])
def test_a_copy_of_a_routed_optimizer_steps_as_the_original(copied):
    torch.manual_seed(0)
    optimizer = optimizer_of(Muon(lr=0.03), nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 2)))
    reached = []
    for stepped in (optimizer, copied(optimizer)):
        params = [param for group in stepped.param_groups for param in group["params"]]
        for param in params:
            param.grad = torch.ones_like(param)
        stepped.step()
        reached.append(torch.cat([param.detach().flatten() for param in params]))
    assert torch.equal(*reached)
