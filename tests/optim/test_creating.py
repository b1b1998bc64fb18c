"""An optimizer for a whole model: which parameter is in which group, and that it trains as groups made by hand do."""

import copy
import pickle
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from torch import nn

import steepest
from steepest.base.errors import InvalidValue, UnknownSetting
from steepest.ops import sign
from steepest.optim import as_optimizer
from steepest.optim.creating import create, group_table
from steepest.rules import Rule

pytestmark = pytest.mark.quick


@dataclass(frozen=True, kw_only=True)
class SignDescent(Rule):
    """Sign descent."""

    def init(self, param):
        return {}

    def update(self, grad, param, step):
        return (-self.lr * sign(grad),)


class Loud(as_optimizer(SignDescent)):
    """One of a user's own."""


class Net(nn.Module):
    """Two blocks, an embedding that is tied to the output, and a frozen layer."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.tokens = nn.Embedding(7, 4)
        self.blocks = nn.ModuleList(
            nn.ModuleDict({"ln": nn.LayerNorm(4), "lin": nn.Linear(4, 4), "qk_norm": nn.Linear(4, 4)}) for _ in range(2)
        )
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.head = nn.Linear(4, 7)
        self.head.weight = self.tokens.weight

    def forward(self, x):
        x = self.tokens(x)
        for block in self.blocks:
            x = x + torch.tanh(block["qk_norm"](block["lin"](block["ln"](x))))
        return self.head(self.frozen(x))


@pytest.fixture(autouse=True)
def local_random_numbers():
    with torch.random.fork_rng():
        yield


def train(model, optimizer, steps=5):
    for step in range(steps):
        inputs = (torch.arange(8) * (step + 3)) % 7
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), (inputs + 1) % 7).backward()
        optimizer.step()
    return [param.detach() for param in model.parameters()]


def decay_of(optimizer):
    return {
        name: group["weight_decay"] for group in optimizer.param_groups for name in group["param_names"]
    }  # fmt: skip


def test_biases_and_norms_do_not_decay_by_name_or_by_class():
    decay = decay_of(create("adamw", Net(), weight_decay=0.1))
    assert {name for name, value in decay.items() if value == 0.1} == {
        "tokens.weight", "blocks.0.lin.weight", "blocks.1.lin.weight",
    }  # fmt: skip
    assert decay["blocks.0.ln.weight"] == 0  # by the class LayerNorm
    assert decay["blocks.0.qk_norm.weight"] == 0  # by its name


def test_frozen_parameters_are_left_out_and_tied_ones_are_there_once():
    optimizer = create("adamw", model := Net())
    names = [name for group in optimizer.param_groups for name in group["param_names"]]
    assert sorted(names) == sorted(name for name, param in model.named_parameters() if param.requires_grad)
    assert "tied to head.weight" in group_table(optimizer)
    assert decay_of(create("adamw", Net(), no_decay=["head.weight"]))["tokens.weight"] == 0  # by its other name


def test_it_trains_as_groups_made_by_hand():
    ours, theirs = Net(), Net()
    theirs.load_state_dict(copy.deepcopy(ours.state_dict()))
    decay = decay_of(optimizer := create("adamw(lr=0.01)", ours, weight_decay=0.5))
    groups = [
        {
            "params": [param for name, param in theirs.named_parameters() if decay.get(name) == value],
            "weight_decay": value,
        }
        for value in (0.5, 0.0)
    ]
    expected = train(theirs, torch.optim.AdamW(groups, lr=0.01))
    for one, other in zip(train(ours, optimizer), expected, strict=True):
        torch.testing.assert_close(one, other)


def test_selectors_are_words_patterns_and_classes_and_the_first_decides_each_setting():
    groups = {"blocks.0.*": {"lr": 0.5}, nn.Embedding: {"lr": 0.25, "eps": 1e-4}, "tokens": {"lr": 0.125}}
    optimizer = create("adamw", Net(), no_decay=[nn.Embedding, "*.bias"], groups=groups, weight_decay=0.1)
    of = {name: group for group in optimizer.param_groups for name in group["param_names"]}
    assert of["blocks.0.lin.weight"]["lr"] == of["blocks.0.lin.bias"]["lr"] == 0.5
    assert (of["blocks.0.lin.weight"]["weight_decay"], of["blocks.0.lin.bias"]["weight_decay"]) == (0.1, 0)
    assert [of["tokens.weight"][name] for name in ("lr", "eps", "weight_decay")] == [0.25, 1e-4, 0]
    assert of["blocks.1.ln.weight"]["weight_decay"] == 0.1
    assert len(optimizer.param_groups) == len({id(group) for group in of.values()})


def test_what_the_model_itself_names_does_not_decay():
    class Vit(nn.Module):
        def __init__(self):
            super().__init__()
            self.pos_embed, self.lin = nn.Parameter(torch.ones(2, 3)), nn.Linear(3, 3)

        def no_weight_decay(self):
            return {"pos_embed"}

    assert decay_of(create("adamw", Vit(), weight_decay=0.1)) == {"pos_embed": 0, "lin.weight": 0.1, "lin.bias": 0}


def test_a_rule_for_matrices_is_joined_by_its_partner_and_both_decay_alike():
    optimizer = create("muon(lr=0.02)", model := Net(), weight_decay=0.3)
    rules = {name: group["rule"] for group in optimizer.param_groups for name in group["param_names"]}
    assert {name for name, rule in rules.items() if rule == "muon"} == {
        f"blocks.{block}.{name}.weight" for block in (0, 1) for name in ("lin", "qk_norm")
    }
    assert not any(name.startswith("frozen") for name in rules)
    decay = decay_of(optimizer)
    assert decay["blocks.0.lin.weight"] == decay["tokens.weight"] == 0.3
    assert decay["blocks.0.ln.weight"] == decay["blocks.0.qk_norm.weight"] == 0
    assert "an embedding" in group_table(optimizer)
    before = [param.detach().clone() for param in model.parameters() if param.requires_grad]
    train(model, optimizer)
    after = [param for param in model.parameters() if param.requires_grad]
    assert not any(torch.equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("spec", ["prodigyschedulefree", "normuon(lr=0.01)", "rprop", "torch.optim:RMSprop(lr=0.01)"])
def test_any_rule_is_created(spec):
    optimizer = create(spec, model := Net())
    train(model, optimizer)
    assert group_table(optimizer).count("blocks.*") >= 4  # of alike blocks, and every parameter is somewhere


def test_blocks_that_are_alike_share_a_line():
    lines = group_table(create("adamw", Net(), weight_decay=0.1)).splitlines()
    assert lines[0] == "AdamW: 2 groups, 131 parameters"
    assert "    blocks.*.lin.weight (2 of them)  4×4  32" in lines


def test_the_table_of_any_optimizer():
    text = group_table(torch.optim.SGD([{"params": [torch.ones(2, 3)], "momentum": 0.5}, {"params": []}], lr=0.1))
    assert text == (
        "SGD: 2 groups, 6 parameters\n  lr=0.1, weight_decay=0, momentum=0.5\n    parameter *  2×3  6"
        "\n  lr=0.1, weight_decay=0, momentum=0"
    ).replace("parameter *", "parameter 0")


def test_a_checkpoint_of_it_is_loaded_by_another():
    train(model := Net(), optimizer := create("adamw", model, weight_decay=0.1))
    other = create("adamw", copy.deepcopy(model), weight_decay=0.1)
    other.load_state_dict(optimizer.state_dict())
    assert group_table(other) == group_table(optimizer)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"no_decay": ["layer_scale"]}, InvalidValue, "layer_scale selects no parameter of this model"),
        ({"groups": {nn.Conv2d: {"lr": 1.0}}}, InvalidValue, "Conv2d selects no parameter"),
        ({"no_decay": "bias"}, InvalidValue, "no_decay is a list"),
        ({"no_decay": [3]}, InvalidValue, "got 3"),
        ({"momentun": 0.9}, UnknownSetting, "no hyperparameter 'momentun'"),
        ({"weight_decay": -1}, InvalidValue, "weight_decay must lie in"),
    ],
    ids=str,
)
def test_what_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        create("adamw", Net(), **arguments)


def test_a_model_without_parameters_to_train_is_refused():
    with pytest.raises(InvalidValue, match="no parameter that requires a gradient"):
        create("adamw", nn.Linear(2, 2).requires_grad_(False))


# --- Hugging Face -----------------------------------------------------------------------------------------------------


def test_the_trainer_makes_it_of_its_own_model():
    """It calls what is no class of optimizers without arguments, then with the model (transformers 5.24)."""
    (name, (factory, settings)), *others = steepest.hf.trainer_kwargs("muon(lr=0.02)", no_decay=["bias"]).items()
    assert (name, others) == ("optimizer_cls_and_kwargs", [])
    assert not isinstance(factory, type)
    optimizer = factory()(Net(), **settings)
    assert {group["rule"] for group in optimizer.param_groups} == {"muon", "adamw"}


def test_or_it_is_handed_over():
    optimizer, schedule = steepest.hf.trainer_kwargs("adamw", Net(), weight_decay=0.1)["optimizers"]
    assert isinstance(optimizer, steepest.AdamW)
    assert schedule is None


def test_mistakes_are_told_before_training_begins():
    with pytest.raises(UnknownSetting, match="no hyperparameter 'beta'"):
        steepest.hf.trainer_kwargs("adamw", beta=0.9)


@pytest.mark.parametrize("spec", ["adamw(lr=1e-2)", "muon(lr=1e-2)", "schedulefreeadamw(lr=1e-2)"])
def test_the_trainer_trains(spec, tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=16, n_positions=8)
    model = transformers.GPT2LMHeadModel(config)
    rows = [{"input_ids": torch.arange(8) % 4, "labels": torch.arange(8) % 4}] * 16
    arguments = transformers.TrainingArguments(
        str(tmp_path), max_steps=20, per_device_train_batch_size=4, report_to=[], use_cpu=True, logging_steps=1
    )
    trainer = transformers.Trainer(model, arguments, train_dataset=rows, **steepest.hf.trainer_kwargs(spec))
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses[-1] < 0.9 * losses[0]
    partial(trainer.evaluate, rows)()


@pytest.mark.parametrize(
    "rule", ["adamw", "lookahead(adamw)", "sam(cautious(sgd))", "muon", SignDescent, "clipped(muon)"], ids=str
)
def test_what_was_made_can_be_pickled_and_goes_on(rule):
    """As a trainer in other processes, or `torch.save(optimizer)`, does."""
    model = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 2))
    pair = model, steepest.create(rule, model, lr=0.01)
    copied = pickle.loads(pickle.dumps(pair))
    assert type(copied[1]) is type(pair[1])
    for model, optimizer in (pair, copied):
        for step in range(3):
            optimizer.step(partial(evaluated, model, optimizer, step))
    assert all(map(torch.equal, pair[0].parameters(), copied[0].parameters()))


def evaluated(model, optimizer, seed):
    optimizer.zero_grad()
    loss = model(torch.randn(3, 4, generator=torch.Generator().manual_seed(seed))).square().sum()
    loss.backward()
    return loss


def test_a_class_that_derives_from_one_of_ours_is_pickled_as_itself():
    (weight,) = nn.Linear(2, 2, bias=False).parameters()
    assert type(pickle.loads(pickle.dumps(Loud([weight])))) is Loud
    assert as_optimizer(SignDescent) is as_optimizer(SignDescent)


def test_messages_and_tables_name_public_classes():
    model = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 2))
    optimizer = steepest.create("muon", model)
    assert steepest.group_table(optimizer).startswith("MuonWith: ")
    with pytest.raises(InvalidValue, match=r"^MuonWith: "):
        optimizer.step_in_backward(nn.Linear(2, 2))
