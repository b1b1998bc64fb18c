"""Wrapped rules: each wrapper against its authors' algorithm, around optimizers of others, and by composition."""

import pickle
from contextlib import suppress
from functools import partial

import numpy as np
import pytest
import torch

import steepest
from steepest import rules
from steepest.base.errors import InvalidValue, UnknownName, UnknownSetting
from steepest.program.latex import latex
from steepest.rules import BUILT_IN, WRAPPERS, find, resolve, wrapped
from steepest.testing import rule_checks

STEPS = 17
SHAPES = ((4, 3), (5,), (2, 3, 2, 2))
MATRICES = ((4, 3), (2, 3, 2, 2))

INSIDE = {  # spec, settings, and the optimizer that oracles are put around
    "sgd": ({"lr": 0.05, "momentum": 0.9, "weight_decay": 0.1}, torch.optim.SGD),
    "adamw": ({"lr": 0.05, "weight_decay": 0.1}, torch.optim.AdamW),
    "lion": ({"lr": 0.01, "weight_decay": 0.1}, steepest.Lion),
    "muon": ({"lr": 0.05, "weight_decay": 0.1}, steepest.Muon),
}


def parameters(name):
    generator = torch.Generator().manual_seed(3)
    shapes = MATRICES if name == "muon" else SHAPES
    return [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]


def gradients(params):
    generator = torch.Generator().manual_seed(4)
    for _ in range(STEPS):
        yield [torch.randn(param.shape, generator=generator, dtype=torch.float64) + 0.3 for param in params]


def run_ours(wrapper, name, **settings):
    """The parameters after each step, and the optimizer."""
    given, _ = INSIDE[name]
    params = parameters(name)
    optimizer = wrapper(getattr(steepest, rules.RULES[name].__name__))(params, **given | settings)
    path = []
    for grads in gradients(params):
        for param, grad in zip(params, grads, strict=True):
            param.grad = grad.clone()
        optimizer.step()
        path.append([param.detach().clone() for param in params])
    return path, optimizer, params


class Inside:
    """An optimizer that oracles are put around; `weight_decay` replaces that of the settings."""

    def __init__(self, name, params, **more):
        given, optimizer = INSIDE[name]
        self.params, self.optimizer = params, optimizer(params, **given | more)

    def step(self, grads):
        """Make a step, and return how far it went."""
        before = [param.detach().clone() for param in self.params]
        for param, grad in zip(self.params, grads, strict=True):
            param.grad = grad.clone()
        self.optimizer.step()
        return [param.detach() - old for param, old in zip(self.params, before, strict=True)]


def assert_same(ours, oracle):
    for step, (mine, other) in enumerate(zip(ours, oracle, strict=True), 1):
        for one, two in zip(mine, other, strict=True):
            np.testing.assert_allclose(one, two, rtol=0, atol=2e-14 * step, err_msg=f"step {step}")


# --- cautious ---------------------------------------------------------------------------------------------------------


def authors_cautious_adamw(params, all_grads, lr, weight_decay, betas=(0.9, 0.999), eps=1e-8):
    """`c_adamw.py` of Liang et al., with the decay before the step, where torch has it."""
    state = [[torch.zeros_like(param), torch.zeros_like(param)] for param in params]
    for step, grads in enumerate(all_grads, 1):
        for param, grad, (exp_avg, exp_avg_sq) in zip(params, grads, state, strict=True):
            exp_avg.mul_(betas[0]).add_(grad, alpha=1.0 - betas[0])
            exp_avg_sq.mul_(betas[1]).addcmul_(grad, grad, value=1.0 - betas[1])
            denom = (exp_avg_sq / (1 - betas[1] ** step)).sqrt().add_(eps)
            mask = (exp_avg * grad > 0).to(grad.dtype)
            mask.div_(mask.mean().clamp_(min=1e-3))
            param.data.mul_(1 - lr * weight_decay)
            param.data.add_(exp_avg * mask / denom, alpha=-lr / (1 - betas[0] ** step))
        yield [param.detach().clone() for param in params]


def authors_cautious_lion(params, all_grads, lr, weight_decay, betas=(0.9, 0.99)):
    """`c_lion.py` of Liang et al."""
    averages = [torch.zeros_like(param) for param in params]
    for grads in all_grads:
        for param, grad, exp_avg in zip(params, grads, averages, strict=True):
            param.data.mul_(1 - lr * weight_decay)
            update = exp_avg.clone().mul_(betas[0]).add(grad, alpha=1 - betas[0]).sign_()
            mask = (update * grad > 0).to(grad.dtype)
            mask.div_(mask.mean().clamp_(min=1e-3))
            param.data.add_(update * mask, alpha=-lr)
            exp_avg.mul_(betas[1]).add_(grad, alpha=1 - betas[1])
        yield [param.detach().clone() for param in params]


@pytest.mark.parametrize(("name", "oracle"), [("adamw", authors_cautious_adamw), ("lion", authors_cautious_lion)])
def test_cautious_is_the_authors_code(name, oracle):
    params = parameters(name)
    given, _ = INSIDE[name]
    ours, _, _ = run_ours(steepest.Cautious, name)
    assert_same(ours, oracle(params, gradients(params), given["lr"], given["weight_decay"]))


@pytest.mark.parametrize("name", INSIDE)
def test_cautious_masks_the_step_without_a_decoupled_decay(name):
    apart = find(name).decays_apart
    params = parameters(name)
    inside = Inside(name, params, **{"weight_decay": 0.0} if apart else {})
    oracle = []
    for grads in gradients(params):
        before = [param.detach().clone() for param in params]
        for param, old, delta, grad in zip(params, before, inside.step(grads), grads, strict=True):
            mask = (delta * grad < 0).double()
            given = INSIDE[name][0]
            decay = given["lr"] * given["weight_decay"] * old if apart else 0.0
            param.data = old + delta * mask / max(float(mask.mean()), 1e-3) - decay
        oracle.append([param.detach().clone() for param in params])
    assert_same(run_ours(steepest.Cautious, name)[0], oracle)


def test_where_nothing_agrees_a_cautious_step_only_decays():
    weight = torch.ones(4, dtype=torch.float64).requires_grad_()
    optimizer = steepest.Cautious(steepest.SGD)([weight], lr=0.1, momentum=0.9)
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    weight.grad = torch.full_like(weight, -0.01)  # the momentum is still positive
    before = weight.detach().clone()
    optimizer.step()
    assert torch.equal(weight, before)


@pytest.mark.parametrize("name", INSIDE)
def test_cautious_decay_acts_where_the_step_goes_towards_zero(name):
    params = parameters(name)
    inside, given = Inside(name, params, weight_decay=0.0), INSIDE[name][0]
    oracle = []
    for grads in gradients(params):
        before = [param.detach().clone() for param in params]
        for param, old, delta in zip(params, before, inside.step(grads), strict=True):
            towards = delta * old <= 0
            param.data = torch.where(towards, old * (1 - given["lr"] * given["weight_decay"]), old) + delta
        oracle.append([param.detach().clone() for param in params])
    assert_same(run_ours(steepest.CautiousDecay, name)[0], oracle)


# --- lookahead and averages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", INSIDE)
@pytest.mark.parametrize(("k", "alpha"), [(5, 0.5), (1, 0.3), (4, 1.0)])
def test_lookahead_is_the_authors_code(name, k, alpha):
    """Zhang et al.'s `lookahead_pytorch.py`: `la_steps`, `la_alpha`, and no pullback of the momentum."""
    params = parameters(name)
    inside = Inside(name, params)
    cached = [param.detach().clone() for param in params]
    oracle = []
    for count, grads in enumerate(gradients(params), 1):
        inside.step(grads)
        if count % k == 0:
            for param, slow in zip(params, cached, strict=True):
                param.data.mul_(alpha).add_(slow, alpha=1.0 - alpha)
                slow.copy_(param.data)
        oracle.append([param.detach().clone() for param in params])
    assert_same(run_ours(steepest.Lookahead, name, k=k, alpha=alpha)[0], oracle)


@pytest.mark.parametrize("name", INSIDE)
@pytest.mark.parametrize("warmup", [False, True])
def test_the_average_is_that_of_torch_and_the_path_that_of_the_rule(name, warmup):
    params = parameters(name)
    module = torch.nn.ParameterList(params)
    inside, calls = Inside(name, list(module)), iter(range(1, STEPS + 1))

    def average(mean, param, count):
        step = next(steps)
        memory = min(0.9, (1 + step) / (10 + step)) if warmup else 0.9
        return memory * mean + (1 - memory) * param

    averaged = torch.optim.swa_utils.AveragedModel(module, avg_fn=average)
    averaged.n_averaged += 1  # which would otherwise begin at the first step's weights, not at the initial ones
    oracle = []
    for grads in gradients(params):
        inside.step(grads)
        steps = iter([next(calls)] * len(params))
        averaged.update_parameters(module)
        oracle.append([param.detach().clone() for param in params])
    path, optimizer, ours = run_ours(steepest.Averaged, name, ema_decay=0.9, ema_warmup=warmup)
    assert_same(path, oracle)
    with optimizer.evaluating():
        for mine, other in zip(ours, averaged.module, strict=True):
            np.testing.assert_allclose(mine.detach(), other.detach(), rtol=0, atol=1e-13)
    assert all(torch.equal(mine, last) for mine, last in zip(ours, path[-1], strict=True))


# --- gradients --------------------------------------------------------------------------------------------------------


def centralized(grad):
    """`centralized_gradient` of Yong et al.'s `SGD.py`, for convolutions and linear layers."""
    if len(list(grad.size())) > 1:
        grad = grad - grad.mean(dim=tuple(range(1, len(list(grad.size())))), keepdim=True)
    return grad


def clipped(grad, threshold):
    """Optax's `clip_by_block_rms`."""
    return grad / max(1.0, float((grad**2).mean().sqrt()) / threshold)


@pytest.mark.parametrize("name", INSIDE)
@pytest.mark.parametrize(
    ("wrapper", "change", "settings"),
    [("Centralized", centralized, {}), ("Clipped", partial(clipped, threshold=0.9), {"max_rms": 0.9})],
)
def test_gradients_are_changed_before_the_rule_sees_them(name, wrapper, change, settings):
    params = parameters(name)
    inside, oracle, changed = Inside(name, params), [], 0
    for grads in gradients(params):
        given = list(map(change, grads))
        changed += sum(not torch.equal(one, two) for one, two in zip(given, grads, strict=True))
        inside.step(given)
        oracle.append([param.detach().clone() for param in params])
    assert changed > STEPS
    assert_same(run_ours(getattr(steepest, wrapper), name, **settings)[0], oracle)


def test_clipping_by_block_is_optaxs():
    optax = pytest.importorskip("optax")
    grad = np.array([[3.0, 4.0], [0.0, 1.0]], dtype=np.float32)
    transform = optax.clip_by_block_rms(0.7)
    expected, _ = transform.update(grad, transform.init(grad))
    np.testing.assert_allclose(rules.Clipped(max_rms=0.7).gradient(grad), expected, rtol=1e-6)


# --- composition ------------------------------------------------------------------------------------------------------


def test_wrappers_go_into_one_another():
    """Lookahead of a cautious, clipped AdamW, by hand."""
    params = parameters("adamw")
    grads = list(gradients(params))
    oracle = authors_cautious_adamw(params, [list(map(partial(clipped, threshold=0.9), g)) for g in grads], 0.05, 0.1)
    cached, expected = [param.detach().clone() for param in params], []
    for count, _ in enumerate(oracle, 1):
        if count % 3 == 0:
            for param, slow in zip(params, cached, strict=True):
                param.data = slow + 0.5 * (param.data - slow)
                slow.copy_(param.data)
        expected.append([param.detach().clone() for param in params])
    nested = lambda rule: steepest.Lookahead(steepest.Cautious(steepest.Clipped(rule)))  # noqa: E731
    assert_same(run_ours(nested, "adamw", k=3, max_rms=0.9)[0], expected)


def test_names_that_are_taken_have_a_number():
    rule = find("lookahead(lookahead(sgd(lr=0.1), k=2), k_2=3, alpha_2=0.25)")
    assert (rule.k, rule.k_2, rule.alpha, rule.alpha_2) == (2, 3, 0.5, 0.25)
    assert list(rule.init(1.0)) == ["momentum_buffer", "slow", "slow_2"]
    assert rule.inner.wrapper.k == 2
    assert rule.wrapper.k == 3


def test_a_spec_says_where_a_setting_belongs():
    rule = find("lookahead(adamw(lr=0.1, betas=(0.8, 0.9)), k=6)", eps=1e-6)
    assert (rule.lr, rule.betas, rule.k, rule.eps) == (0.1, (0.8, 0.9), 6, 1e-6)
    assert find("lookahead(adamw, lr=0.1)") == find("lookahead(adamw(lr=0.1))")
    assert resolve("Lookahead( AdamW(lr=0.1) , k=6)").text == "lookahead(AdamW(lr=0.1), k=6)"
    assert resolve("lookahead(adamw(lr=0.1), la_steps=6)").settings == {"lr": 0.1, "k": 6}


def test_search_ranges_and_limits_are_those_of_the_rule_inside():
    inner, outer = rules.AdamW.hyperparameters(), wrapped(rules.Cautious, rules.AdamW).hyperparameters()
    assert list(outer) == list(inner)
    assert all(outer[name].metadata["facts"] is inner[name].metadata["facts"] for name in inner)
    with pytest.raises(InvalidValue, match=r"Cautious AdamW: lr must lie in \[0, inf\), got -1"):
        find("cautious(adamw(lr=-1))")
    with pytest.raises(InvalidValue, match="nesterov needs momentum"):
        find("lookahead(sgd(nesterov=True))")
    with pytest.raises(UnknownSetting, match="Lookahead AdamW has no hyperparameter 'kk'; did you mean 'k'"):
        find("lookahead(adamw, kk=3)")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("cautious", "cautious is a wrapper of rules; name one inside it, for example cautious\\(adamw\\)"),
        ("cautios(adamw)", "unknown wrapper 'cautios'; did you mean 'cautious'"),
        ("adam(adamw)", "adam is a rule: name its settings"),
        ("cautious(adamx)", "unknown rule 'adamx'; did you mean"),
        ("lookahead(adamw, 6)", "name the settings behind the rule"),
        ("lookahead(sgd(lr=0.1), lr=0.2)", "lr is given inside and outside; leave out one"),
        ("cautious(torch.optim:Adam)", "Cautious: Adam .torch. is a class of optimizers"),
        ("averaged(schedulefreesgd)", "its weights to evaluate follow from steps that the wrapper would change"),
        ("cautious(averaged(adamw))", "wrap the rule inside it"),
        ("cautiousdecay(rprop)", "Cautious-decay: cannot wrap Rprop: it has no weight_decay"),
        ("cautiousdecay(lamb)", "it scales its decay with its step"),
        ("clipped(prodigy)", "its steps need sums over all parameters"),
        ("clipped(sgd, max_rms=0)", "max_rms must lie in"),
    ],
)
def test_what_cannot_be_wrapped_is_told_in_one_line(spec, message):
    with pytest.raises((InvalidValue, UnknownName), match=message) as raised:
        find(spec)
    assert "\n" not in str(raised.value)


def test_a_rule_of_a_users_file_can_be_wrapped(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from dataclasses import dataclass\nfrom steepest.rules import Rule\n\n\n"
        "@dataclass(frozen=True, kw_only=True)\nclass Mine(Rule):\n    'Mine.'\n    k: float = 2.0\n\n"
        "    def init(self, param):\n        return {}\n\n"
        "    def update(self, grad, param, step):\n        return (-self.lr * self.k * grad,)\n"
    )
    reference = resolve(f"lookahead({file}:Mine(lr=0.1), k_2=3)")
    assert reference.source is not None
    assert reference.rule().k_2 == 3
    assert resolve(reference.text).rule() == reference.rule()


def test_rules_and_classes_pickle():
    rule = find("lookahead(cautious(adamw(lr=0.1)), k=3)")
    assert pickle.loads(pickle.dumps(rule)) == rule
    assert pickle.loads(pickle.dumps(type(rule))) is type(rule)


def test_every_rule_can_be_wrapped_or_says_why_not():
    for name, wrapper in WRAPPERS.items():
        done = 0
        for rule in BUILT_IN:
            try:
                made = find(f"{name}({rule.__name__.lower()})")
            except InvalidValue as error:
                assert "cannot wrap" in str(error)
            else:
                done += 1
                assert len(latex(made)) > 1
                assert type(made).look is None or type(made).look[::2] == (rule.look[0], "dashdot")
                assert wrapper.title in made.title
        assert done > len(BUILT_IN) // 2


def test_decay_apart_is_what_it_says():
    """Cautious rules take the decay out of the step by this fact."""
    generator = np.random.default_rng(0)
    param, grad = generator.normal(size=(2, 4, 3))
    for rule in BUILT_IN:
        if "weight_decay" not in rule.hyperparameters() or rule.evaluation is not rules.Rule.evaluation or rule.shared:
            continue
        more = {"momentum": 0.9} if rule is rules.SGD else {}
        with_decay, without = (rule(lr=0.1, weight_decay=decay, **more) for decay in (0.2, 0.0))
        states = [each.update(grad, param, 1, *_begin(each, param))[1:] for each in (with_decay, without)]
        deltas = [
            each.update(grad - 1, param + 1, 2, *state)[0]
            for each, state in zip((with_decay, without), states, strict=True)
        ]
        is_apart = np.allclose(deltas[0], deltas[1] - 0.1 * 0.2 * (param + 1), rtol=0, atol=1e-14)
        assert is_apart == with_decay.decays_apart, rule.title


def _begin(rule, param):
    return [
        value if value is None or name in rule.numbers or hasattr(value, "shape") else np.zeros_like(param) + value
        for name, value in rule.init(param).items()
    ]


@pytest.mark.parametrize("name", ["lookahead(adamw)", "averaged(sgd)", "cautiousdecay(lion)", "cautious(adamw)"])
def test_the_contract_of_rules(name):
    needs = {
        "dampening": {"momentum": 0.9},
        "nesterov": {"momentum": 0.9},
        "eps_inside_sqrt": {"eps": 1e-2},
        "amsgrad": {"betas": (0.9, 0.5)},
    }
    for key, check in rule_checks(type(find(name)), needs=needs).items():
        if not key.startswith(("alive-ema", "many")) or ("many" in key and "ema" not in key):  # the path has no average
            check()


def every_wrapped_rule():
    for wrapper in WRAPPERS.values():
        for rule in BUILT_IN:
            with suppress(InvalidValue):  # some cannot be wrapped
                yield wrapped(wrapper, rule)


@pytest.mark.quick
def test_no_symbol_of_a_wrapper_means_two_things():
    for rule in every_wrapped_rule():
        own = [rule.hyperparameters()[name].metadata["facts"].symbol for name in rule.own_settings.values()]
        own += [rule.symbols[name] for name in rule.own_states.values()]
        inside = rule.inner_class
        others = {str(symbol) for symbol in inside.symbols.values()}
        for setting in inside.hyperparameters().values():
            symbol = setting.metadata["facts"].symbol
            others |= {*symbol} if isinstance(symbol, tuple) else {symbol}
        assert len({*own}) == len(own) and not others & {*own}, rule.title


@pytest.mark.quick
def test_a_formula_decays_once_and_where_the_rule_does():
    for rule in every_wrapped_rule():
        lines = "\n".join(latex(rule))
        decays = lines.count(r"\eta \lambda")
        assert decays <= 1 or "lookahead" in rule.__name__.lower(), lines
        assert r"\lambda" not in lines or "weight_decay" in rule.hyperparameters(), lines
    for spec, expected in [
        ("cautious(sgd)", 0), ("cautious(sgd(weight_decay=0.1))", 0), ("cautious(adamw)", 1), ("cautious(muon)", 1),
        ("cautious(adamw(weight_decay=0))", 0), ("cautious(lion)", 0), ("cautious(lion(weight_decay=0.1))", 1),
        ("lookahead(muon)", 1), ("averaged(mars)", 1),
    ]:  # fmt: skip
        assert "\n".join(latex(find(spec))).count(r"\eta \lambda") == expected, spec


def test_a_prime_is_in_the_formulas_too():
    assert r"\alpha' (x_{t-1} + c_t - \phi_{t-1})" in "\n".join(latex(find("lookahead(rmsprop)")))
    assert latex(find("sam(adadelta)"))[0].startswith(r"e_t = \rho' \frac")
    assert latex(find("lookahead(muon)"))[-1].count("k'") == latex(find("lookahead(soap)"))[-1].count("k") > 0


def test_settings_of_a_wrapper_are_numbers_too():
    for spec, wrong in [("lookahead(sgd, k=2.5)", "k must be a whole number, got 2.5"),
                        ("clipped(sgd, max_rms='a')", "max_rms must be a number, got 'a'")]:  # fmt: skip
        with pytest.raises(InvalidValue, match=wrong):
            find(spec)
    with pytest.raises(InvalidValue, match=r"ema_decay must be a number, got \[0.9\]"):
        steepest.Averaged(steepest.SGD)([torch.nn.Parameter(torch.zeros(2))], ema_decay=[0.9])
