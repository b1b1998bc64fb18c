"""Each rule against its equation written out, against the others that it contains, and what can be proved of it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest.rules import SGD, Adagrad, Adam, AdamW, Momentum, RMSprop
from steepest.testing.rules import GRADIENTS, START, STEPS, assert_close, begin, bits, walk

# --- the equations, of one coordinate ---------------------------------------------------------------------------------


def momentum(x, gradients):
    v = 0.0
    for g in gradients:
        v = 0.9 * v + g
        x = x - 0.1 * v
        yield x


def dampened(x, gradients):
    v = None
    for g in gradients:
        v = g if v is None else 0.9 * v + (1 - 0.3) * g
        x = x - 0.1 * v
        yield x


def nesterov(x, gradients):
    v = 0.0
    for g in gradients:
        v = 0.9 * v + g
        x = x - 0.1 * (g + 0.9 * v)
        yield x


def adagrad_of_the_lecture(x, gradients):
    s = 0.0
    for g in gradients:
        s = s + g**2
        x = x - 0.4 * g / math.sqrt(s + 1e-2)
        yield x


def rmsprop_of_the_lecture(x, gradients):
    s = 0.0
    for g in gradients:
        s = 0.9 * s + 0.1 * g**2
        x = x - 0.4 * g / math.sqrt(s + 1e-2)
        yield x


def rmsprop_of_graves(x, gradients):
    s = mean = 0.0
    for g in gradients:
        s, mean = 0.9 * s + 0.1 * g**2, 0.9 * mean + 0.1 * g
        x = x - 0.4 * g / math.sqrt(s - mean**2 + 1e-2)
        yield x


def adam_moments(gradients):
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        m, v = 0.9 * m + 0.1 * g, 0.98 * v + 0.02 * g**2
        yield m / (1 - 0.9**t), v / (1 - 0.98**t)


def adam_of_the_lecture(x, gradients):
    for m, v in adam_moments(gradients):
        x = x - 0.4 * m / (math.sqrt(v) + 1e-2)
        yield x


def adam_inside(x, gradients):
    for m, v in adam_moments(gradients):
        x = x - 0.4 * m / math.sqrt(v + 1e-2)
        yield x


def adamw(x, gradients):
    for m, v in adam_moments(gradients):
        x = (1 - 0.4 * 0.1) * x - 0.4 * m / (math.sqrt(v) + 1e-2)
        yield x


INSIDE = {"lr": 0.4, "eps": 1e-2, "eps_inside_sqrt": True}
BETAS = {"lr": 0.4, "betas": (0.9, 0.98), "eps": 1e-2}


@pytest.mark.parametrize(
    ("rule", "equation"),
    [
        (SGD(lr=0.1, momentum=0.9), momentum),
        (SGD(lr=0.1, momentum=0.9, dampening=0.3), dampened),
        (SGD(lr=0.1, momentum=0.9, nesterov=True), nesterov),
        (Adagrad(**INSIDE), adagrad_of_the_lecture),
        (RMSprop(alpha=0.9, **INSIDE), rmsprop_of_the_lecture),
        (RMSprop(alpha=0.9, centered=True, **INSIDE), rmsprop_of_graves),
        (Adam(**BETAS), adam_of_the_lecture),
        (Adam(**BETAS, eps_inside_sqrt=True), adam_inside),
        (AdamW(**BETAS, weight_decay=0.1), adamw),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_equals_the_equation(rule, equation):
    assert_close(np.array(walk(rule))[:, 1, 2], list(equation(START[1, 2], GRADIENTS[:, 1, 2])))


@pytest.mark.parametrize(
    ("rule", "curvatures", "end"),
    [
        (SGD(lr=0.1), [2.0, 4.0], [-0.057646, -0.000073]),
        (SGD(lr=0.6, momentum=0.25), [0.2, 4.0], [-0.126340, -0.186632]),
    ],
    ids=["descent", "momentum"],
)
def test_ends_where_the_lecture_prints(rule, curvatures, end):
    """20 steps on x1^2 + 2 x2^2, and on 0.1 x1^2 + 2 x2^2."""
    param = np.array([-5.0, -2.0])
    state = begin(rule, param)
    for step in range(1, 21):
        delta, *state = rule.update(curvatures * param, param, step, *state)
        param = param + delta
    assert param.round(6).tolist() == end


# --- one rule within another ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "same"),
    [
        (Momentum(lr=0.1), SGD(lr=0.1, momentum=0.9)),
        (Momentum(lr=0.1, momentum=0.0), SGD(lr=0.1)),
        (SGD(lr=0.1), SGD(lr=0.1, momentum=np.array(0.0))),
        (AdamW(weight_decay=0.0), Adam()),
        (AdamW(weight_decay=0.1, amsgrad=True), Adam(weight_decay=0.1, amsgrad=True, decoupled_weight_decay=True)),
        (Adagrad(lr_decay=np.array(0.0)), Adagrad()),
        (Adam(eps=0.0), Adam(eps=0.0, eps_inside_sqrt=True)),
        (RMSprop(momentum=np.array(0.0)), RMSprop()),
    ],
    ids=str,
)
def test_is_bit_by_bit_the_same(rule, same):
    assert bits(walk(rule)) == bits(walk(same))


def test_a_momentum_of_zero_keeps_nothing():
    assert SGD().init(START) == {"momentum_buffer": None}
    assert RMSprop().init(START)["momentum_buffer"] is None


def deltas(rule, gradients=GRADIENTS):
    """Every step's change, from a start at 0, where nothing is lost by adding it."""
    param, state = 0 * gradients[0], begin(rule, 0 * gradients[0])
    for step, gradient in enumerate(gradients, 1):
        delta, *state = rule.update(gradient, param, step, *state)
        yield delta


def test_lr_decay_is_a_smaller_learning_rate_each_step():
    expected = [0.1 / (1 + 0.5 * t) * delta for t, delta in enumerate(deltas(Adagrad(lr=1.0)))]
    assert_close([*deltas(Adagrad(lr=0.1, lr_decay=0.5))], expected)


def test_adam_without_momentum_is_rmsprop_corrected_for_bias():
    expected = [delta * math.sqrt(1 - 0.9**t) for t, delta in enumerate(deltas(RMSprop(alpha=0.9, eps=0.0)), 1)]
    assert_close([*deltas(Adam(lr=1e-2, betas=(0.0, 0.9), eps=0.0))], expected)


def test_amsgrad_is_adam_while_gradients_grow():
    growing = np.cumsum(np.abs(GRADIENTS), axis=0)
    assert bits(deltas(Adam(amsgrad=True), growing)) == bits(deltas(Adam(), growing))


def test_amsgrad_never_divides_by_less():
    """After one large gradient nothing else counts: the root stays that of the first, corrected for bias."""
    gradients = np.array([10.0, *[0.1] * 9])
    first = (1 - 0.9) * 10.0**2
    averages = [0.5**t * 5.0 + 0.1 * (1 - 0.5**t) for t in range(STEPS)]
    expected = [-m / (1 - 0.5**t) / math.sqrt(first / (1 - 0.9**t)) for t, m in enumerate(averages, 1)]
    assert_close([*deltas(Adam(lr=1.0, betas=(0.5, 0.9), eps=0.0, amsgrad=True), gradients)], expected)


def test_centred_rmsprop_is_the_plain_one_where_the_mean_is_zero():
    (gradient, *_), square = GRADIENTS, np.ones_like(START)
    mean = -0.1 * gradient / 0.9  # which this gradient brings to 0
    delta, *_ = RMSprop(alpha=0.9, centered=True).update(gradient, START, 1, square, None, mean)
    expected, *_ = RMSprop(alpha=0.9).update(gradient, START, 1, square, None, None)
    assert_close(delta, expected)


# --- where rounding bites ---------------------------------------------------------------------------------------------


def test_centred_rmsprop_survives_a_variance_below_zero():
    """Of a constant gradient the variance is 0, which float32 misses on either side."""
    gradient, rule = np.float32(0.1), RMSprop(centered=True)
    param, (square, _, mean) = np.float32(1.0), begin(rule, np.float32(1.0))
    below = 0
    for step in range(1, 4001):
        delta, square, _, mean = rule.update(gradient, param, step, square, None, mean)
        below += square - mean * mean < 0
        assert np.isfinite(delta)
    assert below > 0


# --- what can be proved -----------------------------------------------------------------------------------------------

checked = settings(derandomize=True, deadline=None, max_examples=50)

sizes = st.floats(1e-3, 1e3)
signed = st.builds(lambda size, sign: size * sign, sizes, st.sampled_from([-1.0, 1.0]))
gradients = st.lists(signed, min_size=1, max_size=12)
memories = st.floats(0.0, 0.999)
rates = st.floats(1e-6, 10.0)
powers_of_two = st.integers(-30, 30).map(lambda exponent: 2.0**exponent)

momenta = st.fixed_dictionaries({"lr": st.floats(1e-6, 0.1), "momentum": memories, "weight_decay": memories})
free_of_scale = st.one_of(
    st.builds(Adagrad, lr=rates, lr_decay=memories, eps=st.just(0.0)),
    st.builds(RMSprop, lr=rates, alpha=memories, momentum=memories, centered=st.just(False), eps=st.just(0.0)),
    st.builds(Adam, lr=rates, betas=st.tuples(memories, memories), amsgrad=st.booleans(), eps=st.just(0.0)),
)


@checked
@given(rate=rates, betas=st.tuples(memories, memories), eps=st.floats(1e-30, 10.0), gradient=st.floats(-1e150, 1e150))
def test_first_step_of_adam_is_at_most_the_learning_rate(rate, betas, eps, gradient):
    (delta,) = deltas(Adam(lr=rate, betas=betas, eps=eps), [gradient])
    assert abs(delta) <= rate * (1 + 1e-14)
    assert delta * gradient <= 0


@checked
@given(rate=rates, betas=st.tuples(memories, memories), gradient=signed)
def test_adam_under_a_constant_gradient_moves_the_learning_rate_each_step(rate, betas, gradient):
    """The two corrections for bias are exact; 1 - 0.999 leaves 13 digits of them."""
    path = [*deltas(Adam(lr=rate, betas=betas, eps=0.0), [gradient] * 50)]
    np.testing.assert_allclose(path, -math.copysign(rate, gradient), rtol=1e-12)


@checked
@given(rate=rates, gradient=signed)
def test_steps_of_adagrad_shrink_like_the_root_of_time(rate, gradient):
    path = [*deltas(Adagrad(lr=rate, eps=0.0), [gradient] * 50)]
    expected = [-math.copysign(rate, gradient) / math.sqrt(t) for t in range(1, 51)]
    np.testing.assert_allclose(path, expected, rtol=1e-13)


@checked
@given(rule=free_of_scale, gradients=gradients, scale=powers_of_two)
def test_the_scale_of_the_gradient_does_not_matter_without_eps(rule, gradients, scale):
    """Bit by bit, as a power of two rounds nothing."""
    assert bits(deltas(rule, gradients)) == bits(deltas(rule, [scale * gradient for gradient in gradients]))


@checked
@given(setting=momenta, nesterov=st.booleans(), pairs=st.lists(st.tuples(signed, signed), min_size=1, max_size=12))
def test_sgd_is_linear(setting, nesterov, pairs):
    """In the start and the gradients together: the path of a sum is the sum of the paths."""
    rule = SGD(**setting, nesterov=nesterov and setting["momentum"] > 0)
    first, second = zip(*pairs, strict=True)
    apart = np.add(walk(rule, 1.0, first), walk(rule, -3.0, second))
    # 12 steps of 10 roundings on a velocity of at most 12 gradients
    allowed = 12 * 10 * 1.1e-16 * 12 * max(3.0, *map(abs, (*first, *second)))
    np.testing.assert_allclose(walk(rule, -2.0, [a + b for a, b in pairs]), apart, rtol=0, atol=allowed)


@checked
@given(setting=momenta, gradients=gradients, scale=powers_of_two)
def test_sgd_scales_with_its_gradients(setting, gradients, scale):
    rule = SGD(**setting)
    scaled = walk(rule, 2.0 * scale, [scale * gradient for gradient in gradients])
    assert bits(scaled) == bits(scale * each for each in walk(rule, 2.0, gradients))
