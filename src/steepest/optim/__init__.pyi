"""Typed signatures of the optimizers, printed from the rules by tools/stubs.py: do not edit."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Literal, overload

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from ..rules import Rule
from .backward import StepInBackward
from .distribution import Distribution

SWITCHES: dict[str, tuple[Any, str]]

class Optimizer(torch.optim.Optimizer):
    rule_class: ClassVar[type[Rule]]
    skipped_steps: int
    _caches: list[Any]
    _kept: dict[Tensor, Tensor]
    _over: Any
    @property
    def engine(self) -> str: ...
    @property
    def needs_closure(self) -> bool: ...
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def step(self, closure: Callable[[], Any] | None = None) -> Any: ...  # type: ignore[override]
    def step_in_backward(
        self,
        model: torch.nn.Module | None = None,
        *,
        clip_value: float | None = None,
        clip_last_norm: float | None = None,
    ) -> StepInBackward: ...
    def distribute(self, over: Any = None) -> Distribution: ...
    @property
    def distribution(self) -> Distribution: ...
    def eval(self) -> None: ...
    def train(self) -> None: ...
    def evaluating(self) -> AbstractContextManager[None]: ...
    def _class(self, group: dict[str, Any]) -> type[Rule]: ...
    def _check_checkpoint(self, given: dict[str, Any]) -> None: ...

def as_optimizer(rule_class: type[Rule]) -> type[Optimizer]: ...

class SGD(Optimizer):
    r"""Stochastic gradient descent: a step against the gradient, optionally through momentum.

    $$v_t = \mu v_{t-1} + (1 - \tau) g_t, \qquad x_t = x_{t-1} - \eta v_t$$

    with $g_t = \nabla f(x_{t-1}) + \lambda x_{t-1}$ and $v_1 = g_1$ (the first step is not dampened). Without momentum
    $v_t = g_t$; with `nesterov`, $x_t = x_{t-1} - \eta (g_t + \mu v_t)$.

    The learning rate multiplies the buffer as it is used (torch's form), so changing it acts at once on the whole step;
    Sutskever et al. and Keras keep it inside the buffer.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.001.
        momentum: share of the last step's velocity that is kept. In [0, inf). Default 0.0.
        dampening: share of the gradient kept out of the velocity. In (-inf, inf). Default 0.0.
        weight_decay: L2 penalty, added to the gradient. In [0, inf). Default 0.0.
        nesterov: look one velocity ahead. Default False.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Robbins and Monro 1951; Polyak 1964; Sutskever et al. 2013.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.SGD(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class Momentum(Optimizer):
    r"""Heavy ball: SGD whose steps add up until the gradient turns.

    $$v_t = \mu v_{t-1} + g_t, \qquad x_t = x_{t-1} - \eta v_t$$

    The same rule as `SGD`, with momentum 0.9 unless told otherwise.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.001.
        momentum: share of the last step's velocity that is kept. In [0, inf). Default 0.9.
        dampening: share of the gradient kept out of the velocity. In (-inf, inf). Default 0.0.
        weight_decay: L2 penalty, added to the gradient. In [0, inf). Default 0.0.
        nesterov: look one velocity ahead. Default False.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Polyak 1964.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.Momentum(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        momentum: float = 0.9,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class Adagrad(Optimizer):
    r"""AdaGrad: divides by the root of the sum of all squared gradients so far.

    $$s_t = s_{t-1} + g_t^2, \qquad
      x_t = x_{t-1} - \frac{\eta}{1 + (t - 1) \kappa} \cdot \frac{g_t}{\sqrt{s_t} + \epsilon}$$

    with $s_0$ the initial accumulator value. `eps_inside_sqrt` divides by $\sqrt{s_t + \epsilon}$ instead, as in the
    lecture and in TensorFlow.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.01.
        lr_decay: decay of the learning rate with the step. In [0, inf). Default 0.0.
        weight_decay: L2 penalty, added to the gradient. In [0, inf). Default 0.0.
        initial_accumulator_value: where the sum starts. In [0, inf). Default 0.0.
        eps: keeps the division finite. In [0, inf). Default 1e-10.
        eps_inside_sqrt: eps under the root, as in the lecture. Default False.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Duchi, Hazan and Singer 2011.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.Adagrad(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.01,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        eps_inside_sqrt: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class RMSprop(Optimizer):
    r"""RMSProp: divides by the root of a leaky average of squared gradients.

    $$s_t = \alpha s_{t-1} + (1 - \alpha) g_t^2, \qquad x_t = x_{t-1} - \eta \frac{g_t}{\sqrt{s_t} + \epsilon}$$

    `centered` subtracts the square of the leaky average of gradients, $s_t - \bar g_t^2$, an estimate of the variance
    (never below 0, where rounding would put it). `momentum` adds $b_t = \mu b_{t-1} + g_t / (\sqrt{s_t} + \epsilon)$
    and steps along $b_t$. `eps_inside_sqrt` divides by $\sqrt{s_t + \epsilon}$, as in the lecture and in TensorFlow.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.01.
        alpha: memory of the squared gradients. In [0, inf). Default 0.99.
        eps: keeps the division finite. In [0, inf). Default 1e-08.
        weight_decay: L2 penalty, added to the gradient. In [0, inf). Default 0.0.
        momentum: share of the last step that is kept. In [0, inf). Default 0.0.
        centered: divide by the standard deviation instead. Default False.
        eps_inside_sqrt: eps under the root, as in the lecture. Default False.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Tieleman and Hinton 2012; centred: Graves 2013.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.RMSprop(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        eps_inside_sqrt: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class Adam(Optimizer):
    r"""Adam: the leaky average of gradients, divided by the root of that of their squares.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2$$
    $$x_t = x_{t-1} - \eta \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}$$

    `amsgrad` divides by the largest $v$ so far. Weight decay is added to the gradient, or, with
    `decoupled_weight_decay`, taken from the parameter (that is `AdamW`). `eps_inside_sqrt` divides by
    $\sqrt{v_t / (1 - \beta_2^t) + \epsilon}$.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.001.
        betas: memory of the gradients and of their squares. In [0, 1). Default (0.9, 0.999).
        eps: keeps the division finite. In [0, inf). Default 1e-08.
        weight_decay: L2 penalty, added to the gradient. In [0, inf). Default 0.0.
        amsgrad: divide by the largest average so far. Default False.
        decoupled_weight_decay: decay as AdamW does. Default False.
        eps_inside_sqrt: eps under the root. Default False.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Kingma and Ba 2015; AMSGrad: Reddi, Kale and Kumar 2018.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.Adam(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        decoupled_weight_decay: bool = False,
        eps_inside_sqrt: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class AdamW(Optimizer):
    r"""Adam whose weight decay acts on the parameter itself, not through the gradient.

    $$x_t = (1 - \eta \lambda) x_{t-1} - \eta \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}$$

    with $m$ and $v$ as in `Adam`, of the bare gradient. The decay is multiplied by the learning rate (torch's form; the
    paper's schedule multiplier is the learning rate's own schedule).

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.001.
        betas: memory of the gradients and of their squares. In [0, 1). Default (0.9, 0.999).
        eps: keeps the division finite. In [0, inf). Default 1e-08.
        weight_decay: decay of the parameter, times the learning rate. In [0, inf). Default 0.01.
        amsgrad: divide by the largest average so far. Default False.
        eps_inside_sqrt: eps under the root. Default False.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Loshchilov and Hutter 2019.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.AdamW(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        *,
        eps_inside_sqrt: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class Nesterov(Optimizer):
    r"""Nesterov momentum: heavy ball that corrects its velocity by the gradient one velocity ahead.

    $$v_t = \mu v_{t-1} + g_t, \qquad x_t = x_{t-1} - \eta (g_t + \mu v_t)$$

    The same rule as `SGD` with `nesterov`, and momentum 0.9 unless told otherwise. The parameter is the point at which
    the gradient is taken, so the look ahead stands in the step (torch's form; Nesterov keeps the point behind it).

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.001.
        momentum: share of the last step's velocity that is kept. In (0, inf). Default 0.9.
        weight_decay: L2 penalty, added to the gradient. In [0, inf). Default 0.0.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Nesterov 1983; Sutskever et al. 2013.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.Nesterov(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class Adadelta(Optimizer):
    r"""Adadelta: the gradient divided by its root mean square, times that of the steps so far.

    $$s_t = \rho s_{t-1} + (1 - \rho) g_t^2, \qquad
      \Delta_t = \frac{\sqrt{a_{t-1} + \epsilon}}{\sqrt{s_t + \epsilon}} g_t$$
    $$a_t = \rho a_{t-1} + (1 - \rho) \Delta_t^2, \qquad x_t = x_{t-1} - \eta \Delta_t$$

    `eps` stands inside both roots: it also decides how long the first step is. The average $a$ is of steps before the
    learning rate, which the paper does not have (there $\eta = 1$). Keras has `rho` 0.95 and a learning rate of 0.001.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: factor on the step. In [0, inf). Default 1.0.
        rho: memory of the squared gradients and steps. In [0, 1]. Default 0.9.
        eps: keeps the division finite, and starts the steps. In [0, inf). Default 1e-06.
        weight_decay: L2 penalty, added to the gradient. In [0, inf). Default 0.0.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Zeiler 2012.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.Adadelta(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-06,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class Adamax(Optimizer):
    r"""Adamax: the leaky average of gradients, divided by their largest size, which fades.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad u_t = \max(\beta_2 u_{t-1}, |g_t| + \epsilon)$$
    $$x_t = x_{t-1} - \frac{\eta}{1 - \beta_1^t} \cdot \frac{m_t}{u_t}$$

    The largest needs no correction for starting at zero. `eps` is added to each gradient's size (torch's form); the
    paper has none, optax and Keras add it to the divisor.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.002.
        betas: memory of the gradients and of their largest size. In [0, 1). Default (0.9, 0.999).
        eps: keeps the division finite. In [0, inf). Default 1e-08.
        weight_decay: L2 penalty, added to the gradient. In [0, inf). Default 0.0.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Kingma and Ba 2015, section 7.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.Adamax(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.002,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class NAdam(Optimizer):
    r"""NAdam: Adam whose average of gradients is taken one step ahead, with a momentum that warms up.

    $$\mu_t = \beta_1 (1 - \tfrac12 \, 0.96^{t \psi}), \qquad m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad
      v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2$$
    $$\hat m_t = \frac{\mu_{t+1} m_t}{1 - \prod_{i=1}^{t+1} \mu_i} + \frac{(1 - \mu_t) g_t}{1 - \prod_{i=1}^t \mu_i},
      \qquad x_t = x_{t-1} - \eta \frac{\hat m_t}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}$$

    `momentum_decay` is $\psi$. As it grows, $\mu_t = \beta_1$: that is the form without warm-up, which optax and others
    call NAdam. torch keeps the product of the $\mu_i$ in float32, ours is kept in float64.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.002.
        betas: memory of the gradients and of their squares. In [0, 1). Default (0.9, 0.999).
        eps: keeps the division finite. In [0, inf). Default 1e-08.
        weight_decay: L2 penalty, added to the gradient. In [0, inf). Default 0.0.
        momentum_decay: how fast the momentum warms up from a half of beta1. In [0, inf). Default 0.004.
        decoupled_weight_decay: take the decay from the parameter, as AdamW does. Default False.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Dozat 2016.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.NAdam(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.002,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        momentum_decay: float = 0.004,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class RAdam(Optimizer):
    r"""RAdam: plain momentum in the first steps, then Adam with a factor for how well its scale is known.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2$$
    $$\rho_\infty = \frac{2}{1 - \beta_2} - 1, \qquad \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t}, \qquad
      r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2) \rho_t}}$$
    $$x_t = x_{t-1} - \frac{\eta \, m_t}{1 - \beta_1^t} \cdot \begin{cases}
      r_t \sqrt{1 - \beta_2^t} / (\sqrt{v_t} + \epsilon) & \rho_t > 5 \\ 1 & \text{otherwise} \end{cases}$$

    `eps` is added before the correction of $v$ (torch's form; optax adds it after), and the limit is 5 (the paper: 4).
    With $\beta_2 \le 2/3$ the limit is never reached.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.001.
        betas: memory of the gradients and of their squares. In [0, 1). Default (0.9, 0.999).
        eps: keeps the division finite. In [0, inf). Default 1e-08.
        weight_decay: L2 penalty, added to the gradient. In [0, inf). Default 0.0.
        decoupled_weight_decay: take the decay from the parameter, as AdamW does. Default False.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Liu et al. 2020.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.RAdam(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class Signum(Optimizer):
    r"""Signum: a step of one learning rate along the sign of the leaky average of gradients.

    $$m_t = \mu m_{t-1} + (1 - \mu) g_t, \qquad x_t = (1 - \eta \lambda) x_{t-1} - \eta \, \mathrm{sign}(m_t)$$

    With `momentum` 0 it is sign descent.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.001.
        momentum: memory of the gradients. In [0, 1). Default 0.9.
        weight_decay: decay of the parameter, times the learning rate. In [0, inf). Default 0.0.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Bernstein et al. 2018.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.Signum(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class Lion(Optimizer):
    r"""Lion: the sign of a mixture of gradient and average, which has a longer memory than the mixture.

    $$x_t = (1 - \eta \lambda) x_{t-1} - \eta \, \mathrm{sign}(\beta_1 m_{t-1} + (1 - \beta_1) g_t), \qquad
      m_t = \beta_2 m_{t-1} + (1 - \beta_2) g_t$$

    With equal betas it is `Signum`. Its steps are larger than Adam's of the same learning rate: take a third to a tenth
    of that, and as many times more weight decay (optax has 0.001 of it by default).

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.0001.
        betas: share of the average in the step, and its memory. In [0, 1). Default (0.9, 0.99).
        weight_decay: decay of the parameter, times the learning rate. In [0, inf). Default 0.0.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Chen et al. 2023.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.Lion(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.0001,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class AdEMAMix(Optimizer):
    r"""AdEMAMix: AdamW along a mixture of a fast and a very slow average of gradients.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad n_t = \beta_3 n_{t-1} + (1 - \beta_3) g_t, \qquad
      v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2$$
    $$x_t = (1 - \eta \lambda) x_{t-1}
      - \eta \frac{m_t / (1 - \beta_1^t) + \alpha n_t}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}$$

    The slow average is not corrected for starting at zero: it is meant to come in late. Two schedules over $T$ steps
    soften that, both off at 0. `alpha_warmup` raises $\alpha$ in a straight line from 0. `beta3_warmup` raises
    $\beta_3$ from $\beta_1$ so that its half-life grows in a straight line:
    $$\beta_3(t) = \exp\left(1 \Big/ \left(\frac{1 - t/T}{\ln \beta_1} + \frac{t/T}{\ln \beta_3}\right)\right)$$
    The paper takes $\alpha$ from 4 to 10; the default is that of its PyTorch code (optax: 5).

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.001.
        betas: memory of the gradients, of their squares, and the slow memory of the gradients. In [0, 1). Default (0.9, 0.999, 0.9999).
        alpha: weight of the slow average. In [0, inf). Default 2.0.
        beta3_warmup: steps until the slow memory is as long as it gets, or 0. In [0, inf). Default 0.
        alpha_warmup: steps until the slow average has its full weight, or 0. In [0, inf). Default 0.
        eps: keeps the division finite. In [0, inf). Default 1e-08.
        weight_decay: decay of the parameter, times the learning rate. In [0, inf). Default 0.0.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Pagliardini, Ablin and Grangier 2024.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.AdEMAMix(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float, float] = (0.9, 0.999, 0.9999),
        alpha: float = 2.0,
        beta3_warmup: int | None = 0,
        alpha_warmup: int | None = 0,
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class LAMB(Optimizer):
    r"""LAMB: the step of AdamW, stretched for each parameter tensor to a share of that tensor's own length.

    $$u_t = \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon} + \lambda x_{t-1}, \qquad
      x_t = x_{t-1} - \eta \frac{\lVert x_{t-1} \rVert}{\lVert u_t \rVert} u_t$$

    with $m$ and $v$ as in `Adam`; the factor is 1 where either length is 0. The weight decay is part of what is
    stretched. This is the paper's form, and optax's; some libraries bound the parameter's length (at 10), leave out the
    corrections for starting at zero, or stretch only tensors with decay.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate, as a share of the parameter's length. In [0, inf). Default 0.001.
        betas: memory of the gradients and of their squares. In [0, 1). Default (0.9, 0.999).
        eps: keeps the division finite. In [0, inf). Default 1e-06.
        weight_decay: decay of the parameter, a part of the direction. In [0, inf). Default 0.0.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: You et al. 2020.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.LAMB(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-06,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class ScheduleFreeSGD(Optimizer):
    r"""Schedule-Free SGD: takes gradients between its path and the path's average, which is the result.

    $$y_t = (1 - \mu) z_t + \mu x_t, \qquad z_{t+1} = z_t - \eta_t g(y_t), \qquad
      x_{t+1} = (1 - c_t) x_t + c_t z_{t+1}$$
    $$\eta_t = \eta \min(1, t / T), \qquad w_t = t^r \max_{i \le t} \eta_i^p, \qquad c_t = w_t / (w_1 + \dots + w_t)$$

    The parameter is $y$, the point of the gradient. **The weights to use are $x$**: `with optimizer.evaluating():` puts
    them into the model for that long, `optimizer.eval()` until `optimizer.train()`, as trainers call them. With
    `weight_decay` $\lambda$ the gradient is $g(y_t) + \lambda y_t$. $T$ is `warmup_steps`, $p$ is `weight_lr_power`.
    Only $z$ is stored; $x$ follows from $y$ and $z$.

    Steps and weights count from a parameter's own first gradient (the authors' code counts for a whole group).

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 1.0.
        momentum: share of the average in the point of the gradient. In (0, 1). Default 0.9.
        weight_decay: L2 penalty, added to the gradient. In [0, inf). Default 0.0.
        warmup_steps: steps in which the learning rate rises from 0. In [0, inf). Default 0.
        r: power of the step in the weights of the average. In [0, inf). Default 0.0.
        weight_lr_power: power of the learning rate in the weights of the average. In [0, inf). Default 2.0.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Defazio et al. 2024.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.ScheduleFreeSGD(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        warmup_steps: int = 0,
        r: float = 0.0,
        weight_lr_power: float = 2.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class ScheduleFreeAdamW(Optimizer):
    r"""Schedule-Free AdamW: an average of the path takes the place of both Adam's momentum and the schedule.

    $$y_t = (1 - \beta_1) z_t + \beta_1 x_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g(y_t)^2$$
    $$z_{t+1} = z_t - \eta_t \left(\frac{g(y_t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon} + \lambda y_t\right), \qquad
      x_{t+1} = (1 - c_t) x_t + c_t z_{t+1}$$

    with $\eta_t$ and $c_t$ as in `ScheduleFreeSGD`, and $y$ as the parameter. **The weights to use are $x$**: see
    `optimizer.evaluating()` and `optimizer.eval()`. $v$ is corrected where it is used (as optax does, and the authors'
    code of today); the paper corrects the learning rate instead, $\eta_t = \eta \sqrt{1 - \beta_2^t} \min(1, t/T)$,
    which makes the first weights and decays smaller too: `lr_correction` does so.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.0025.
        betas: share of the average in the point of the gradient, memory of the squared gradients. In (0, 1). Default (0.9, 0.999).
        eps: keeps the division finite. In [0, inf). Default 1e-08.
        weight_decay: decay of the parameter, times the learning rate. In [0, inf). Default 0.0.
        warmup_steps: steps in which the learning rate rises from 0. In [0, inf). Default 0.
        r: power of the step in the weights of the average. In [0, inf). Default 0.0.
        weight_lr_power: power of the learning rate in the weights of the average. In [0, inf). Default 2.0.
        lr_correction: correct the learning rate, not the scale. Default False.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Defazio et al. 2024.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.ScheduleFreeAdamW(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.0025,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        warmup_steps: int = 0,
        r: float = 0.0,
        weight_lr_power: float = 2.0,
        lr_correction: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class Prodigy(Optimizer):
    r"""Prodigy: Adam with a learning rate that grows with the distance travelled, one for all parameters.

    $$\eta_t = \eta \, d_{t-1}, \qquad
      n_t = \sqrt{\beta_2} \, n_{t-1} + \frac{d_{t-1} \eta_t}{d_0} \langle g_t, x_0 - x_{t-1} \rangle, \qquad
      s_t = \sqrt{\beta_2} \, s_{t-1} + \frac{d_{t-1} \eta_t}{d_0} g_t, \qquad
      d_t = \max\left(d_{t-1}, c \frac{n_t}{\lVert s_t \rVert_1}\right)$$
    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) d_{t-1} g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) d_{t-1}^2 g_t^2$$
    $$x_t = (1 - \eta_t \lambda) x_{t-1} - \eta_t \frac{m_t}{\sqrt{v_t} + d_t \epsilon}$$

    The inner product and the norm go over all parameters of all groups, each with its own $\eta_t$ (a group may have a
    factor of its own; the authors' code takes the largest for all). `use_bias_correction` multiplies $\eta_t$ by
    $\sqrt{1 - \beta_2^t} / (1 - \beta_1^t)$ (optax always does). Leave the learning rate at 1 and put a schedule on it;
    with a warm-up, `safeguard_warmup` takes $\eta$ out of $s$. The distance is `optimizer.param_groups[0]["d"]`.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: factor on the learning rate found. In [0, inf). Default 1.0.
        betas: memory of the gradients and of their squares. In [0, 1). Default (0.9, 0.999).
        eps: keeps the division finite. In [0, inf). Default 1e-08.
        weight_decay: decay of the parameter, times the learning rate found. In [0, inf). Default 0.0.
        use_bias_correction: correct the averages for starting at zero. Default False.
        safeguard_warmup: leave the factor out of what d is measured by. Default False.
        d0: first guess of the distance, rather too small. In (0, inf). Default 1e-06.
        d_coef: factor on the distance found. In [0, inf). Default 1.0.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Mishchenko and Defazio 2024.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.Prodigy(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        use_bias_correction: bool = False,
        safeguard_warmup: bool = False,
        d0: float = 1e-06,
        d_coef: float = 1.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class Adafactor(Optimizer):
    r"""Adafactor: RMSProp whose mean squares are the product of those of the rows and of the columns.

    $$w_t = t^{\tau}, \qquad R_t = (1 - w_t) R_{t-1} + w_t \, \mathrm{mean}_{\text{row}}(g_t^2), \qquad
      C_t = (1 - w_t) C_{t-1} + w_t \, \mathrm{mean}_{\text{column}}(g_t^2)$$
    $$V_t = \frac{R_t C_t}{\max(\mathrm{mean}(R_t), \epsilon_1)}, \qquad
      u_t = \frac{g_t}{\sqrt{\max(V_t, \epsilon_1^2)}}, \qquad \hat u_t = \frac{u_t}{\max(1, \mathrm{rms}(u_t) / d)}$$
    $$x_t = (1 - \eta \lambda) x_{t-1}
      - \max(\epsilon_2, \mathrm{rms}(x_{t-1})) \min\left(\eta, \tfrac{1}{\sqrt t}\right) \hat u_t$$

    Vectors keep $V_t$ itself; of a tensor with more axes the last two are rows and columns. This is torch's form: the
    learning rate is the largest step as a share of the parameter's size (the paper: 0.01, no decay, and $\epsilon_1$
    added to each squared gradient); no $\epsilon_1$ is the distance from 1 to the next number of the dtype. Hugging
    Face's and optax's differ in all of these.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: largest step, as a share of the parameter's size. In [0, inf). Default 0.01.
        beta2_decay: power of the step by which the newest square is weighted. In (-inf, 0]. Default -0.8.
        eps: least scale (None: of the dtype), and least size. In [0, inf). Default (None, 0.001).
        d: largest root mean square of the direction. In [1, inf). Default 1.0.
        weight_decay: decay of the parameter, times the learning rate. In [0, inf). Default 0.0.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Shazeer and Stern 2018.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.Adafactor(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.01,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 0.001),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class Muon(Optimizer):
    r"""Muon: a step along the momentum matrix with all its singular values made about 1.

    $$m_t = \mu m_{t-1} + (1 - \mu) g_t, \qquad
      x_t = (1 - \eta \lambda) x_{t-1} - \eta \, \gamma \, \mathrm{NS}(\mu m_t + (1 - \mu) g_t)$$

    and without `nesterov` $\mathrm{NS}(m_t)$. The Newton-Schulz iteration NS starts from $X = M / \lVert M \rVert$ and
    repeats $A = X X^\top$, $X \leftarrow a X + (b A + c A^2) X$, `ns_steps` times; it brings the singular values to
    between about 0.7 and 1.2. With `coefficient_type="polar_express"` each step has the polynomial that is best for the
    singular values left by the steps before (Amsel et al. 2025): after eight they are within 0.01 of 1, and
    `ns_coefficients` are not used. The factor $\gamma$ of a matrix with $n$ rows and $k$ columns is
    $\sqrt{\max(1, n / k)}$ (`adjust_lr_fn` None or "original"), $0.2 \sqrt{\max(n, k)}$ ("match_rms_adamw", for a
    learning rate and decay tuned for AdamW), or $\sqrt{n / k}$ ("spectral_unclamped").

    For matrices only, and meant for those within a network; embeddings, heads, gains and biases need another rule (see
    `MuonWith`). A tensor with more axes, such as a filter, is taken for the matrix of its first axis against all others
    (Jordan's form; torch refuses it). The iteration runs in the parameter's own dtype, half precision in float32; torch
    rounds it to bfloat16, which changes a step by about a percent of itself.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.001.
        weight_decay: decay of the parameter, times the learning rate. In [0, inf). Default 0.1.
        momentum: memory of the gradients. In [0, inf). Default 0.95.
        nesterov: look one step of the average ahead. Default True.
        ns_coefficients: polynomial of the iteration. In (-inf, inf). Default (3.4445, -4.775, 2.0315).
        eps: keeps the division finite. In [0, inf). Default 1e-07.
        ns_steps: iterations. In [0, 100). Default 5.
        adjust_lr_fn: factor by shape. Default None.
        coefficient_type: a polynomial for each step. Default None.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Jordan et al. 2024; match_rms_adamw: Liu et al. 2025.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.Muon([model.weight], lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-07,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        *,
        coefficient_type: str | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class SOAP(Optimizer):
    r"""SOAP: Adam in the eigenbasis of Shampoo's two averages of gradient products.

    $$L_t = \beta L_{t-1} + (1 - \beta) g_t g_t^\top, \qquad R_t = \beta R_{t-1} + (1 - \beta) g_t^\top g_t$$
    $$g'_t = Q_L^\top g_t Q_R, \qquad x_t = (1 - \eta \lambda) x_{t-1} + Q_L \, \mathrm{Adam}(g'_t) \, Q_R^\top$$

    with the step of `Adam` in the rotated coordinates. After the step $L$ and $R$ take the gradient in, and every
    `precondition_frequency` steps the bases follow them by one QR step, $Q \leftarrow \mathrm{QR}(L Q)$, columns by
    falling eigenvalue. The first gradient only makes the bases: no step is taken. Each axis of a tensor with more than
    one has its own basis, unless it is longer than `max_precond_dim`; vectors get plain Adam. A negative `shampoo_beta`
    takes Adam's second beta.

    As in the authors' code, but for the order of decay and step, and Adam's `eps`, which stands after the correction
    for starting at zero here.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.003.
        betas: memory of the gradients and of their squares. In [0, 1). Default (0.95, 0.95).
        shampoo_beta: memory of the gradient products. In [-1, 1). Default -1.0.
        eps: keeps the division finite. In [0, inf). Default 1e-08.
        weight_decay: decay of the parameter, times the learning rate. In [0, inf). Default 0.01.
        precondition_frequency: steps between two QR steps. In [1, inf). Default 10.
        max_precond_dim: longest axis that gets a basis. In [0, inf). Default 10000.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Vyas et al. 2024.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.SOAP(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.003,
        betas: tuple[float, float] = (0.95, 0.95),
        shampoo_beta: float = -1.0,
        eps: float = 1e-08,
        weight_decay: float = 0.01,
        precondition_frequency: int = 10,
        max_precond_dim: int = 10000,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class AdaBelief(Optimizer):
    r"""AdaBelief: the leaky average of gradients, divided by the root of that of their squared distances to it.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad
      s_t = \beta_2 s_{t-1} + (1 - \beta_2) (g_t - m_t)^2 + \epsilon$$
    $$x_t = x_{t-1} - \eta \frac{m_t / (1 - \beta_1^t)}{\sqrt{s_t / (1 - \beta_2^t)} + \epsilon}$$

    A gradient that is as expected makes the step long, one that is not makes it short. $\epsilon$ is added in both
    places, in $s$ at every step (the authors' code, and optax). Weight decay is that of `Adam`. The authors' code
    applies RAdam's factor, too, unless told `rectify=False`; here there is none.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.001.
        betas: memory of the gradients and of their squared distances to it. In [0, 1). Default (0.9, 0.999).
        eps: keeps the division finite. In [0, inf). Default 1e-16.
        weight_decay: L2 penalty, added to the gradient. In [0, inf). Default 0.0.
        decoupled_weight_decay: take the decay from the parameter, as AdamW does. Default False.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Zhuang et al. 2020.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.AdaBelief(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-16,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class ADOPT(Optimizer):
    r"""ADOPT: the leaky average of gradients that were each divided by the scale of those before.

    $$v_1 = g_1^2, \qquad u_t = \mathrm{clip}\left(\frac{g_t}{\max(\sqrt{v_{t-1}}, \epsilon)}, (t - 1)^{1/4}\right)$$
    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) u_t, \qquad x_t = x_{t-1} - \eta m_t, \qquad
      v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2$$

    where $\mathrm{clip}(u, c)$ bounds $u$ between $-c$ and $c$. The first step measures $v$ and moves nothing. Gradient
    and scale are independent, so it converges with any $\beta_2$; Adam does not. Without `clip` nothing is bounded, as
    in the paper's first form.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.001.
        betas: memory of the gradients and of their squares. In [0, 1). Default (0.9, 0.9999).
        eps: keeps the division finite. In (0, inf). Default 1e-06.
        clip: bound the divided gradients. Default True.
        weight_decay: L2 penalty, added to the gradient. In [0, inf). Default 0.0.
        decoupled_weight_decay: take the decay from the parameter, as AdamW does. Default False.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Taniguchi et al. 2024.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.ADOPT(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.9999),
        eps: float = 1e-06,
        clip: bool = True,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class Adan(Optimizer):
    r"""Adan: averages of the gradients and of their differences, divided by the root of that of their squared sum.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad
      d_t = \beta_2 d_{t-1} + (1 - \beta_2)(g_t - g_{t-1})$$
    $$n_t = \beta_3 n_{t-1} + (1 - \beta_3)(g_t + \beta_2 (g_t - g_{t-1}))^2$$
    $$x_t = (1 - \eta \lambda) x_{t-1} - \eta
      \frac{m_t / (1 - \beta_1^t) + \beta_2 d_t / (1 - \beta_2^t)}{\sqrt{n_t / (1 - \beta_3^t)} + \epsilon}$$

    The first difference is 0. `betas` are shares that are kept, as in the authors' code; the paper writes
    $1 - \beta_i$ for them. (optax 0.2 weighs the differences by $1 - \beta_2$ of the kept share, which is another
    method.) The decay is that of `AdamW`, theirs with `no_prox`; without it they divide by $1 + \eta \lambda$ instead.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.001.
        betas: memory of the gradients, of their differences, and of the squares of both. In [0, 1). Default (0.98, 0.92, 0.99).
        eps: keeps the division finite. In [0, inf). Default 1e-08.
        weight_decay: decay of the parameter, times the learning rate. In [0, inf). Default 0.0.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Xie et al. 2022.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.Adan(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float, float] = (0.98, 0.92, 0.99),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class StableAdamW(Optimizer):
    r"""StableAdamW: AdamW whose learning rate is divided, for each tensor, by how far gradients exceed their scale.

    $$\hat m_t = \frac{m_t}{1 - \beta_1^t}, \qquad \hat v_t = \frac{v_t}{1 - \beta_2^t}, \qquad
      \rho_t = \sqrt{\frac{1}{n} \sum \frac{g_t^2}{\max(\hat v_t, \epsilon^2)}}, \qquad
      \eta_t = \frac{\eta}{\max(1, \rho_t / d)}$$
    $$x_t = (1 - \eta_t \lambda) x_{t-1} - \eta_t \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}$$

    with $m$ and $v$ as in `Adam` and the mean over the $n$ numbers of the tensor: Adafactor's update clipping in AdamW.
    It replaces clipping by norm; the paper's $d$ is 1. States are those of `AdamW`; the authors store them corrected.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.001.
        betas: memory of the gradients and of their squares. In [0, 1). Default (0.9, 0.99).
        eps: keeps the division finite. In (0, inf). Default 1e-06.
        d: largest excess over the scale. In (0, inf). Default 1.0.
        weight_decay: decay of the parameter, times the learning rate. In [0, inf). Default 0.01.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Wortsman et al. 2023.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.StableAdamW(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.99),
        eps: float = 1e-06,
        d: float = 1.0,
        weight_decay: float = 0.01,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class MARS(Optimizer):
    r"""MARS: AdamW along gradients to which a share of their change since the last step is added.

    $$c_t = g_t + \gamma \frac{\beta_1}{1 - \beta_1} (g_t - g_{t-1}), \qquad
      \tilde c_t = \frac{c_t}{\max(1, \lVert c_t \rVert)}$$
    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) \tilde c_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) \tilde c_t^2$$
    $$x_t = (1 - \eta \lambda) x_{t-1}
      - \eta \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}$$

    with $g_0 = 0$ (the authors' code) and the norm of each tensor. $g_{t-1}$ is the gradient of the last step's own
    batch (`mars-adamw`, approximate; the exact form takes it on the batch of this step, a second backward pass). The
    authors train what is no matrix by AdamW.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.003.
        betas: memory of the gradients and of their squares. In [0, 1). Default (0.95, 0.99).
        eps: keeps the division finite. In [0, inf). Default 1e-08.
        weight_decay: decay of the parameter, times the learning rate. In [0, inf). Default 0.0.
        gamma: share of the gradient's change that is added. In [0, inf). Default 0.025.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Yuan et al. 2024.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.MARS(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.003,
        betas: tuple[float, float] = (0.95, 0.99),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        gamma: float = 0.025,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class LARS(Optimizer):
    r"""LARS: SGD whose gradient is made a fixed share of each parameter tensor's own length.

    $$u_t = g_t + \lambda x_{t-1}, \qquad
      v_t = \mu v_{t-1} + \eta \, \tau \frac{\lVert x_{t-1} \rVert}{\lVert u_t \rVert + \epsilon} u_t, \qquad
      x_t = x_{t-1} - v_t$$

    and with `nesterov` $x_t = x_{t-1} - (u'_t + \mu v_t)$, where $u'_t$ is what was added to $\mu v_{t-1}$. The factor
    $\tau \lVert x \rVert / \lVert u \rVert$ is 1 where either length is 0. The learning rate is inside the velocity, so
    that steps under a schedule keep the rate of their time (the paper's form, and optax's). The paper divides by
    $\lVert g \rVert + \lambda \lVert x \rVert$ instead, which is hardly less. Published results leave biases and the
    gains of norms out: give them to `SGD` in a group of their own optimizer.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate, times the trust coefficient. In [0, inf). Default 1.0.
        momentum: share of the last step's velocity that is kept. In [0, inf). Default 0.9.
        weight_decay: decay of the parameter, a part of the direction. In [0, inf). Default 0.0.
        trust_coefficient: share of the parameter's length that a step is. In [0, inf). Default 0.001.
        eps: keeps the division finite. In [0, inf). Default 0.0.
        nesterov: look one velocity ahead. Default False.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: You, Gitman and Ginsburg 2017.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.LARS(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust_coefficient: float = 0.001,
        eps: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class Rprop(Optimizer):
    r"""Rprop: a step along the sign of the gradient, longer while the sign stays and shorter when it changes.

    $$s_t = \begin{cases}
      \min(\eta_+ s_{t-1}, s_{\max}) & g_t g'_{t-1} > 0 \\ \max(\eta_- s_{t-1}, s_{\min}) & g_t g'_{t-1} < 0 \\
      s_{t-1} & \text{otherwise} \end{cases} \qquad
      g'_t = \begin{cases} 0 & g_t g'_{t-1} < 0 \\ g_t & \text{otherwise} \end{cases}$$
    $$x_t = x_{t-1} - s_t \, \mathrm{sign}(g'_t), \qquad s_0 = \eta$$

    After a change of sign the coordinate waits for a step. The learning rate is the first step only: no schedule
    changes what follows. For whole gradients: the signs of mini-batches are noise.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: first step. In [0, inf). Default 0.01.
        etas: factors on the step after a change of sign and without. In (0, inf). Default (0.5, 1.2).
        step_sizes: shortest and longest step. In [0, inf). Default (1e-06, 50.0).
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Riedmiller and Braun 1993.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.Rprop(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.01,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-06, 50.0),
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class NorMuon(Optimizer):
    r"""NorMuon: Muon whose direction is divided, row by row, by the root mean square that the row had so far.

    $$O_t = \mathrm{NS}(\mu m_t + (1 - \mu) g_t), \qquad
      v_t = \beta_2 v_{t-1} + (1 - \beta_2) \, \mathrm{mean}_{\text{row}} (O_t^2), \qquad
      \hat O_t = \frac{O_t}{\sqrt{v_t} + 10^{-10}}$$
    $$x_t = (1 - \eta \lambda) x_{t-1} - \eta \, \gamma \frac{\lVert O_t \rVert}{\lVert \hat O_t \rVert} \hat O_t$$

    with $m$, NS and $\gamma$ as in `Muon`: the length of the step stays that of Muon, and is shared out more equally
    among neurons. $v$ has one number a row. The paper's factor, $0.2 \sqrt{n k} / \lVert \hat O_t \rVert$, is what
    `adjust_lr_fn="match_rms_adamw"` comes to where NS makes all singular values 1; the authors' code has that of None.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.02.
        weight_decay: decay of the parameter, times the learning rate. In [0, inf). Default 0.0.
        momentum: memory of the gradients. In [0, inf). Default 0.95.
        nesterov: look one step of the average ahead. Default True.
        ns_coefficients: polynomial of the iteration. In (-inf, inf). Default (3.4445, -4.775, 2.0315).
        eps: keeps the division finite. In [0, inf). Default 1e-07.
        ns_steps: iterations. In [0, 100). Default 5.
        adjust_lr_fn: factor by shape. Default None.
        coefficient_type: a polynomial for each step. Default None.
        beta2: memory of the rows' squares. In [0, 1). Default 0.95.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Li et al. 2025.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.NorMuon([model.weight], lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.02,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-07,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        *,
        coefficient_type: str | None = None,
        beta2: float = 0.95,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class ScheduleFreeRAdam(Optimizer):
    r"""Schedule-Free RAdam: Schedule-Free AdamW whose warm-up is RAdam's factor for how well the scale is known.

    $$v_t = \beta_2 v_{t-1} + (1 - \beta_2) g(y_t)^2, \qquad
      \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t}, \qquad
      r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2) \rho_t}}$$
    $$z_{t+1} = z_t - \eta r_t \left(\frac{g(y_t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon} + \lambda y_t\right), \qquad
      x_{t+1} = (1 - c_t) x_t + c_t z_{t+1}$$

    with $\rho_\infty = 2 / (1 - \beta_2) - 1$, and $y$ and $c_t$ as in `ScheduleFreeSGD`, of the learning rate
    $\eta r_t$. While $\rho_t \le 4$ nothing moves ($r_t = 0$); without `silent_sgd_phase` $z$ takes plain steps along
    the gradient, $r_t = 1$. **The weights to use are $x$**: see `optimizer.evaluating()` and `optimizer.eval()`.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.0025.
        betas: share of the average in the point of the gradient, memory of the squared gradients. In (0, 1). Default (0.9, 0.999).
        eps: keeps the division finite. In [0, inf). Default 1e-08.
        weight_decay: decay of the parameter, times the learning rate. In [0, inf). Default 0.0.
        r: power of the step in the weights of the average. In [0, inf). Default 0.0.
        weight_lr_power: power of the learning rate in the weights of the average. In [0, inf). Default 2.0.
        silent_sgd_phase: stand still until the scale is known. Default True.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Defazio et al. 2024; Liu et al. 2020.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.ScheduleFreeRAdam(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.0025,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        r: float = 0.0,
        weight_lr_power: float = 2.0,
        silent_sgd_phase: bool = True,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class ProdigyScheduleFree(Optimizer):
    r"""Schedule-Free Prodigy: Schedule-Free Adam along a learning rate that grows with the distance travelled.

    $$y_t = (1 - \beta_1) z_{t-1} + \beta_1 x_{t-1}, \qquad \eta_t = \eta \, d_{t-1}, \qquad
      v_t = \beta_2 v_{t-1} + (1 - \beta_2) d_{t-1}^2 g(y_t)^2$$
    $$n_t = \sqrt{\beta_2} \, n_{t-1} + d_{t-1} \eta_t \langle g(y_t), x_0 - z_{t-1} \rangle, \qquad
      s_t = \sqrt{\beta_2} \, s_{t-1} + d_{t-1} \eta_t g(y_t), \qquad
      d_t = \max\left(d_{t-1}, c \frac{n_t}{\lVert s_t \rVert_1}\right)$$
    $$z_t = z_{t-1} - \eta_t \left(\frac{d_{t-1} g(y_t)}{\sqrt{v_t} + d_t \epsilon} + \lambda x_{t-1}\right), \qquad
      c_t = \frac{t^r}{1^r + \dots + t^r}, \qquad x_t = (1 - c_t) x_{t-1} + c_t z_t$$

    The distance is measured from $z$, at the gradients of $y$, which is the parameter; inner product and norm go over
    all parameters of all groups, each with its own $\eta_t$. **The weights to use are $x$**: see
    `optimizer.evaluating()` and `optimizer.eval()`. As in the authors' entry to AlgoPerf, but for that it takes the
    largest $\eta$ of all groups for each, and keeps $v$, $s$ and $x_0$ in bfloat16. The distance is
    `optimizer.param_groups[0]["d"]`.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: factor on the learning rate found. In [0, inf). Default 1.0.
        betas: share of the average in the point of the gradient, memory of the squared gradients. In (0, 1). Default (0.9, 0.9955).
        eps: keeps the division finite. In [0, inf). Default 1e-08.
        weight_decay: decay of the parameter, times the learning rate found. In [0, inf). Default 0.0.
        r: power of the step in the weights of the average. In [0, inf). Default 0.75.
        d0: first guess of the distance, rather too small. In (0, inf). Default 1e-06.
        d_coef: factor on the distance found. In [0, inf). Default 1.0.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Defazio et al. 2024; Mishchenko and Defazio 2024.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.ProdigyScheduleFree(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        betas: tuple[float, float] = (0.9, 0.9955),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        r: float = 0.75,
        d0: float = 1e-06,
        d_coef: float = 1.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class Shampoo(Optimizer):
    r"""Shampoo: the average of gradients, divided along each axis by a root of the products of gradients so far.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad L_t = \beta_2 L_{t-1} + (1 - \beta_2) g_t g_t^\top, \qquad
      R_t = \beta_2 R_{t-1} + (1 - \beta_2) g_t^\top g_t$$
    $$u_t = \hat L_t^{-1/4} \, \hat m_t \, \hat R_t^{-1/4}, \qquad
      x_t = (1 - \eta \lambda) x_{t-1} - \eta \frac{\lVert a_t \rVert}{\lVert u_t \rVert} u_t$$

    where hats are corrections for starting at zero, and $\epsilon$ times the largest eigenvalue is added to $L$ and $R$
    before the root. Roots are computed every `precondition_frequency` steps; before the first, the step is $a_t$, that
    of another method. `grafting` lends its length to each tensor's later steps too: that of `Adam` ("adam", at the
    learning rates of Adam) or $\hat m_t$ ("sgd"); with None they are $u_t$ as it is. With `one_sided` only the
    shorter axis is divided, $\hat L_t^{-1/2} \hat m_t$ (Xie et al. 2025): less work and less memory. A tensor of $k$
    axes has $k$ products and roots $-1/(2k)$; an axis longer than `max_precond_dim` has none and does not count.
    `accumulate` adds the products up, as Gupta et al. do, in place of the average.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.001.
        betas: memory of the gradients, and of their products. In [0, 1). Default (0.9, 0.999).
        eps: keeps the roots finite. In [0, inf). Default 1e-06.
        weight_decay: decay of the parameter, times the learning rate. In [0, inf). Default 0.0.
        precondition_frequency: steps between two computations of roots. In [1, inf). Default 10.
        max_precond_dim: longest axis that is divided. In [0, inf). Default 8192.
        grafting: whose length the step has. Default adam.
        one_sided: divide along the shorter axis only. Default False.
        accumulate: add the products up. Default False.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Gupta et al. 2018; grafting: Anil et al. 2020, Shi et al. 2023.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.Shampoo(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-06,
        weight_decay: float = 0.0,
        precondition_frequency: int = 10,
        max_precond_dim: int = 8192,
        grafting: str | None = "adam",
        one_sided: bool = False,
        accumulate: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

class PSGDKron(Optimizer):
    r"""PSGD-Kron: the average of gradients, whitened by a Kronecker product that is fitted to it in each step.

    $$m_t = \mu m_{t-1} + (1 - \mu) g_t, \qquad
      A = Q_L \hat m_t Q_R^\top, \qquad
      B = Q_L^{-\top} V Q_R^{-1}$$
    $$Q_L \leftarrow Q_L - \eta_Q \frac{\mathrm{triu}(A A^\top - B B^\top)}{\lVert A A^\top + B B^\top \rVert} Q_L,
      \qquad u_t = Q_L^\top Q_L \, \hat m_t \, Q_R^\top Q_R$$
    $$x_t = (1 - \eta \lambda) x_{t-1} - \eta \min\left(1, \frac{1.1}{\mathrm{rms}(u_t)}\right) u_t$$

    where $\hat m$ is corrected for starting at zero, $V$ are signs that are drawn anew, and $Q_R$ follows as $Q_L$
    does, both upper triangular, until $u$ has the covariance $I$. The norm is a lower bound of the spectral one. A
    tensor of more than two axes is taken for the matrix that is nearest to square; a vector, and an axis that is
    longer than `max_size_triangular`, has a diagonal $Q$; `memory_save_mode` makes the longest axis ("one_diag",
    "smart_one_diag": if there is one) or all ("all_diag") diagonal. $Q$ follows in each of the first 500 steps, then
    more and more rarely, in one of 34 from step 4000 on; or with the probability `preconditioner_update_probability`,
    at regular distances.

    As in the authors' code, but for $V$, which is normal there, and weight decay, which leaves vectors out there.

    Args:
        params: parameters, named parameters, or groups of them.
        lr: learning rate. In [0, inf). Default 0.0003.
        momentum: memory of the gradients. In [0, 1). Default 0.9.
        weight_decay: decay of the parameter, times the learning rate. In [0, inf). Default 0.0.
        preconditioner_update_probability: share of the steps in which the factors follow (None: falling). In (0, 1]. Default None.
        max_size_triangular: longest axis that has a triangular factor. In [0, inf). Default 8192.
        min_ndim_triangular: least axes for triangular factors. In [0, inf). Default 2.
        memory_save_mode: axes with a diagonal factor. Default None.
        precond_lr: step of the factors. In [0, inf). Default 0.1.
        precond_init_scale: where the factors start. In (0, inf). Default 1.0.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: True steps parameters as lists, operation by operation (the default on accelerators); False does not. Default None.
        fused: False keeps to the eager engine; on a CPU the fused kernel is used otherwise, where it can be, see `engine`; on accelerators True compiles the step with torch.compile. Default None.
        non_finite: what to do about a gradient that holds an infinity or a NaN: 'skip' the step and count it in `skipped_steps`, 'raise' naming the parameter, or None: step as torch does, without looking. Default None.
        master_weights: keep float32 weights in the state of half-precision parameters. Default False.
        stochastic_rounding: round half-precision parameters up or down at random, with the right mean. Default False.
        state_bits: 8 or 16: keep the rule's averages in so many bits, rounded at random with the right mean, of parameters with 4096 numbers or more (see `steepest.optim.low_bits`); None: in the parameter's precision. Default None.
        capturable: counts steps on the parameters' device and reads nothing back, so that a CUDA graph can record the step. Default False.

    Raises:
        InvalidValue: a hyperparameter outside its interval (a ValueError).
        UnknownSetting: an argument that does not exist (a TypeError).

    Reference: Li 2018; Li 2024.

    >>> import steepest, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = steepest.PSGDKron(model.parameters(), lr=0.1)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.0003,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        preconditioner_update_probability: float | None = None,
        max_size_triangular: int = 8192,
        min_ndim_triangular: int = 2,
        memory_save_mode: str | None = None,
        precond_lr: float = 0.1,
        precond_init_scale: float = 1.0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        non_finite: Literal["skip", "raise"] | None = None,
        master_weights: bool = False,
        stochastic_rounding: bool = False,
        state_bits: bool | None = None,
        capturable: bool = False,
    ) -> None: ...

@overload
def Cautious(rule: type[Optimizer]) -> type[Optimizer]: ...
@overload
def Cautious(rule: type[Rule]) -> type[Rule]: ...
@overload
def Cautious(rule: Rule | str, **settings: object) -> Rule: ...
@overload
def CautiousDecay(rule: type[Optimizer]) -> type[Optimizer]: ...
@overload
def CautiousDecay(rule: type[Rule]) -> type[Rule]: ...
@overload
def CautiousDecay(rule: Rule | str, **settings: object) -> Rule: ...
@overload
def Lookahead(rule: type[Optimizer]) -> type[Optimizer]: ...
@overload
def Lookahead(rule: type[Rule]) -> type[Rule]: ...
@overload
def Lookahead(rule: Rule | str, **settings: object) -> Rule: ...
@overload
def Averaged(rule: type[Optimizer]) -> type[Optimizer]: ...
@overload
def Averaged(rule: type[Rule]) -> type[Rule]: ...
@overload
def Averaged(rule: Rule | str, **settings: object) -> Rule: ...
@overload
def Centralized(rule: type[Optimizer]) -> type[Optimizer]: ...
@overload
def Centralized(rule: type[Rule]) -> type[Rule]: ...
@overload
def Centralized(rule: Rule | str, **settings: object) -> Rule: ...
@overload
def Clipped(rule: type[Optimizer]) -> type[Optimizer]: ...
@overload
def Clipped(rule: type[Rule]) -> type[Rule]: ...
@overload
def Clipped(rule: Rule | str, **settings: object) -> Rule: ...
@overload
def SAM(rule: type[Optimizer]) -> type[Optimizer]: ...
@overload
def SAM(rule: type[Rule]) -> type[Rule]: ...
@overload
def SAM(rule: Rule | str, **settings: object) -> Rule: ...
@overload
def ASAM(rule: type[Optimizer]) -> type[Optimizer]: ...
@overload
def ASAM(rule: type[Rule]) -> type[Rule]: ...
@overload
def ASAM(rule: Rule | str, **settings: object) -> Rule: ...
