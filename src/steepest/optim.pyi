"""Typed signatures of the optimizers, printed from the rules by tools/stubs.py: do not edit."""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from .rules import Rule

SWITCHES: dict[str, tuple[Any, str]]

class Optimizer(torch.optim.Optimizer):
    rule_class: ClassVar[type[Rule]]
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def step(self, closure: Callable[[], Any] | None = None) -> Any: ...  # type: ignore[override]

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
        foreach: accepted because torch has it; changes nothing. Default None.
        fused: False keeps to the eager engine; otherwise the fused kernel is used where it can be, see `engine`. Default None.
        capturable: accepted because torch has it; True raises, CUDA graphs are not supported. Default False.

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
        foreach: accepted because torch has it; changes nothing. Default None.
        fused: False keeps to the eager engine; otherwise the fused kernel is used where it can be, see `engine`. Default None.
        capturable: accepted because torch has it; True raises, CUDA graphs are not supported. Default False.

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
        foreach: accepted because torch has it; changes nothing. Default None.
        fused: False keeps to the eager engine; otherwise the fused kernel is used where it can be, see `engine`. Default None.
        capturable: accepted because torch has it; True raises, CUDA graphs are not supported. Default False.

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
        eps_inside_sqrt: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
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
        foreach: accepted because torch has it; changes nothing. Default None.
        fused: False keeps to the eager engine; otherwise the fused kernel is used where it can be, see `engine`. Default None.
        capturable: accepted because torch has it; True raises, CUDA graphs are not supported. Default False.

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
        eps_inside_sqrt: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
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
        decoupled_weight_decay: take the decay from the parameter, as AdamW does. Default False.
        eps_inside_sqrt: eps under the root. Default False.
        maximize: climb instead of descend. Default False.
        differentiable: let autograd see the step itself. Default False.
        foreach: accepted because torch has it; changes nothing. Default None.
        fused: False keeps to the eager engine; otherwise the fused kernel is used where it can be, see `engine`. Default None.
        capturable: accepted because torch has it; True raises, CUDA graphs are not supported. Default False.

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
        decoupled_weight_decay: bool = False,
        eps_inside_sqrt: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
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
        foreach: accepted because torch has it; changes nothing. Default None.
        fused: False keeps to the eager engine; otherwise the fused kernel is used where it can be, see `engine`. Default None.
        capturable: accepted because torch has it; True raises, CUDA graphs are not supported. Default False.

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
        eps_inside_sqrt: bool = False,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = False,
    ) -> None: ...
