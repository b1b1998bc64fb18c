"""A device for tests: two "toy" devices in Python, whose tensors lie in the CPU's memory, but not for torch.

To torch they are accelerators. What mixes tensors of a toy with those of the CPU raises as on a GPU, a tensor of more
bytes than `MEMORY` does not fit, and `torch.toy.waits` counts how often a program waits for the device.

`install` makes it a plugin of torch, so that every process of a test has it; it cannot be taken out of a process again.
"""

from contextlib import contextmanager
from pathlib import Path

import torch
from torch.utils import backend_registration
from torch.utils._pytree import tree_flatten, tree_map

MEMORY = 1 << 40
"""Bytes of a tensor, at most."""

HOST = {"aten::_copy_from", "aten::copy_", "aten::index.Tensor", "aten::index_put_", "aten::_index_put_impl_"}
"""Operations that may take tensors of the CPU beside those of a toy, as on a GPU."""

KEPT: dict[int, tuple] = {}
"""By storage of torch's empty tensor, that storage (so that no other has its address), and the numbers."""


class Toy:
    """The module `torch.toy`."""

    def __init__(self):
        self.current, self.waits, self.emptied = 0, 0, 0
        self.generator = torch.Generator()

    def is_available(self):
        return True

    is_initialized = is_available

    def _is_in_bad_fork(self):
        return False

    def device_count(self):
        return 2

    def current_device(self):
        return self.current

    def get_device_name(self, device=None):
        return "Toy 1"

    @contextmanager
    def device(self, device):
        before, self.current = self.current, torch.device(device).index or 0
        yield
        self.current = before

    def get_rng_state(self, device=None):
        return self.generator.get_state()

    def set_rng_state(self, state, device=None):
        self.generator.set_state(state)

    def manual_seed(self, seed):
        self.generator.manual_seed(seed)

    manual_seed_all = manual_seed

    def synchronize(self, device=None):
        self.waits += 1

    def empty_cache(self):
        self.emptied += 1


def is_toy(value) -> bool:
    return isinstance(value, torch.Tensor) and value.device.type == "toy"


def numbers_of(tensor):
    """The CPU's tensor that holds the numbers of a toy's."""
    return KEPT[tensor.untyped_storage()._cdata][1]


def on_toy(numbers):
    """A toy's tensor with these numbers; views share them where they lie in one piece."""
    if numbers.nbytes > MEMORY:
        raise torch.OutOfMemoryError(f"toy out of memory. Tried to allocate {numbers.nbytes} bytes")
    numbers = numbers.contiguous()
    made = torch._C._acc.create_empty_tensor(list(numbers.shape), numbers.dtype)
    storage = made.untyped_storage()
    KEPT[storage._cdata] = storage, numbers
    return made


def compute(operation, *args, **kwargs):
    """Any operation: done by the CPU on the numbers."""
    values, _ = tree_flatten((args, kwargs))
    toys = {id(numbers_of(value)): value for value in values if is_toy(value)}
    others = [value for value in values if isinstance(value, torch.Tensor) and not is_toy(value) and value.dim()]
    if toys and others and operation.name() not in HOST:
        raise RuntimeError(f"Expected all tensors to be on the same device, but found toy:0 and cpu ({operation})")

    def on_cpu(value):
        if isinstance(value, torch.device):
            return torch.device("cpu")
        return numbers_of(value) if is_toy(value) else value

    made = operation(*tree_map(on_cpu, args), **tree_map(on_cpu, kwargs))
    return tree_map(
        lambda value: toys.get(id(value), on_toy(value)) if isinstance(value, torch.Tensor) else value, made
    )


def empty(size, *, dtype=None, layout=None, device=None, pin_memory=None, memory_format=None):
    return on_toy(torch.empty(size, dtype=dtype))


def empty_strided(size, stride, *, dtype=None, layout=None, device=None, pin_memory=None):
    return on_toy(torch.empty(size, dtype=dtype))


def as_strided(tensor, size, stride, storage_offset=None):
    numbers = numbers_of(tensor)
    return on_toy(numbers.as_strided(size, stride, (storage_offset or 0) + numbers.storage_offset()))


def copy_from(source, target, non_blocking=False):
    one, other = (numbers_of(value) if is_toy(value) else value for value in (source, target))
    other.copy_(one)
    return target


def mse_loss(*args):
    """Torch would make the result first, and have it resized, which a toy's tensors cannot be."""
    return compute(torch.ops.aten.mse_loss.default, *args)


def register() -> None:
    """Called by torch when it is imported."""
    backend_registration._setup_privateuseone_for_python_backend("toy", backend_module=Toy())
    register.library = torch.library.Library("_", "IMPL")  # what is registered lives as long as this
    register.library.fallback(compute, "PrivateUse1")
    own = {"mse_loss": mse_loss, "empty.memory_format": empty, "empty_strided": empty_strided, "as_strided": as_strided,
           "_copy_from": copy_from, "_local_scalar_dense": lambda tensor: numbers_of(tensor).item()}  # fmt: skip
    for name, function in own.items():
        torch.library.impl(f"aten::{name}", "PrivateUse1")(function)


def install(folder: Path) -> Path:
    """Make this file a plugin of torch in a folder, to be put on PYTHONPATH."""
    about = folder / "toy_device-1.dist-info"
    about.mkdir(parents=True)
    (folder / "toy_device.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-device\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[torch.backends]\ntoy = toy_device:register\n")
    return folder
