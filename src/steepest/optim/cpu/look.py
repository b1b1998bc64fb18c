"""A routine's step in native code: look whether all is as it was, then let the kernels run.

Compiled by Numba (`routine` loads it into the cache of the kernels). To look at a tensor from Python takes 60
nanoseconds for each question; here the objects answer to C: lists, dicts and attributes by Python's stable interface, a
tensor by DLPack's exchange interface, all that is asked of it at once. Nothing here keeps an object alive except
gradients while the kernels read them; all else is held by the routine.
"""

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LISTS, DICTS, TENSORS, GRADIENTS, RESTING, TASKS = range(0, 12, 2)
"""Where in a plan its tables are told, by their address and then their number of rows. A row says:

- `LISTS`: of a list, how many objects it must hold, and where their addresses are.
- `DICTS`: of a dict the same, of keys and values in turn.
- `TENSORS`: of a tensor, where its numbers must be, and its look (see `read`).
- `GRADIENTS`: of a parameter, where to note its gradient's address, the gradient's look, and room to hold it.
- `RESTING`: of a parameter that must have no gradient.
- `TASKS`: of a kernel its plan, `prepare` and `run`, the most shares its work is worth, and where to note how many.
"""

OPENMP, READ, GRAD, TENSOR_TYPE, NONE_TYPE, ROOM = range(12, 18)
"""Where it tells the addresses of `threads.entries`, of DLPack's function that reads a tensor, of the string "grad", of
the types of a gradient and of None, and of room for a `DLTensor`.
"""

FIELDS = 18
"""How many numbers a plan has."""

CHANGED, LOOKED, DONE = range(3)
"""What came of a step: something is not as it was, and nothing was done; all is, but there is no OpenMP; it is made."""

whole, address = types.int64, types.intp
list_size = types.ExternalFunction("PyList_Size", whole(address))
list_item = types.ExternalFunction("PyList_GetItem", address(address, whole))
dict_size = types.ExternalFunction("PyDict_Size", whole(address))
dict_next = types.ExternalFunction("PyDict_Next", types.int32(address, address, address, address))
attribute = types.ExternalFunction("PyObject_GetAttr", address(address, address))
type_of = types.ExternalFunction("PyObject_Type", address(address))
let_go = types.ExternalFunction("Py_DecRef", types.void(address))
forget_error = types.ExternalFunction("PyErr_Clear", types.void())
release_lock = types.ExternalFunction("PyEval_SaveThread", address())
take_lock = types.ExternalFunction("PyEval_RestoreThread", types.void(address))


@intrinsic
def pointer(typing_context, at):
    """The address as a pointer."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(at), generate


def call(result, count):
    """An intrinsic that calls the C function at an address with so many whole numbers."""

    @intrinsic
    def caller(typing_context, function, arguments):
        def generate(context, builder, signature, values):
            word = ir.IntType(64)
            given = [builder.extract_value(values[1], place) for place in range(count)]
            kind = ir.FunctionType(result, [word] * count)
            value = builder.call(builder.inttoptr(values[0], kind.as_pointer()), given)
            return builder.sext(value, word) if isinstance(result, ir.IntType) else word(0)

        return types.int64(function, arguments), generate

    return caller


call_kernel = call(ir.VoidType(), 1)
call_parallel = call(ir.VoidType(), 4)
ask = call(ir.IntType(32), 2)
count_threads = call(ir.IntType(32), 0)


@numba.njit(inline="always")
def table(plan, place, columns):
    return numba.carray(pointer(plan[place]), (plan[place + 1], columns), np.int64)


@numba.njit(inline="always")
def numbers(at, count):
    return numba.carray(pointer(at), count, np.int64)


@numba.njit
def same_items(plan):
    for row in table(plan, LISTS, 3):
        held, count, objects = row[0], row[1], row[2]
        if list_size(held) != count:
            return False
        expected = numbers(objects, count)
        for place in range(count):
            if list_item(held, place) != expected[place]:
                return False
    return True


@numba.njit
def same_entries(plan):
    found = numbers(plan[ROOM], 3)  # how far it came, a key, a value
    at = plan[ROOM]
    for row in table(plan, DICTS, 3):
        held, count, objects = row[0], row[1], row[2]
        if 2 * dict_size(held) != count:
            return False
        expected, found[0] = numbers(objects, count), 0
        for place in range(0, count, 2):
            dict_next(held, at, at + 8, at + 16)
            if found[1] != expected[place] or found[2] != expected[place + 1]:
                return False
    return True


@numba.njit
def read(plan, tensor, look):
    """The address of a tensor's numbers; -1 if it is not what `look` says: device, kind, size and strides.

    Device and kind are words of a `DLTensor`, see dlpack.h.
    """
    if ask(plan[READ], (tensor, plan[ROOM])) != 0:
        forget_error()
        return -1
    found = numbers(plan[ROOM], 5)
    if found[1] != look[0] or found[2] != look[1]:
        return -1
    axes, count = look[1] & 0xFFFF, 1
    lengths, strides, expected = numbers(found[3], axes), numbers(found[4], axes), numbers(look[3], axes)
    for axis in range(axes):
        if lengths[axis] != 1 and strides[axis] != expected[axis]:
            return -1
        count *= lengths[axis]
    return found[0] if count == look[2] else -1


@numba.njit
def same_tensors(plan):
    rows = table(plan, TENSORS, 6)
    for place in range(len(rows)):
        row = rows[place]
        if read(plan, row[0], row[2:]) != row[1]:
            return False
    return True


@numba.njit
def has_type(thing, expected):
    kind = type_of(thing)
    let_go(kind)
    return kind == expected


@numba.njit
def none_has_gradient(plan):
    for row in table(plan, RESTING, 1):
        grad = attribute(row[0], plan[GRAD])
        if grad == 0:
            forget_error()
            return False
        let_go(grad)
        if not has_type(grad, plan[NONE_TYPE]):
            return False
    return True


@numba.njit
def take_gradients(plan):
    """Note where gradients are, and hold them; how many could be taken."""
    rows = table(plan, GRADIENTS, 7)
    for place in range(len(rows)):
        row = rows[place]
        grad = attribute(row[0], plan[GRAD])
        if grad == 0:
            forget_error()
            return place
        at = read(plan, grad, row[2:]) if has_type(grad, plan[TENSOR_TYPE]) else -1
        if at == -1:
            let_go(grad)
            return place
        numbers(row[1], 1)[0] = at
        row[6] = grad
    return len(rows)


@numba.njit
def let_gradients_go(plan, count):
    rows = table(plan, GRADIENTS, 7)
    for place in range(count):
        let_go(rows[place, 6])


@numba.njit
def run(plan):
    """The kernels, with Python's lock released."""
    openmp = numbers(plan[OPENMP], 2)
    parallel, threads = openmp[0], openmp[1]
    state = release_lock()
    available = count_threads(threads, ())
    for row in table(plan, TASKS, 5):
        task, prepare, kernel = row[0], row[1], row[2]
        count = min(available, row[3])
        numbers(row[4], 1)[0] = count
        call_kernel(prepare, (task,))
        if count > 1:
            call_parallel(parallel, (kernel, task, count, 0))
        else:
            call_kernel(kernel, (task,))
    take_lock(state)


@numba.njit(cache=True)
def step(routine):
    plan = numbers(routine, FIELDS)
    if not (same_items(plan) and same_entries(plan) and same_tensors(plan) and none_has_gradient(plan)):
        return CHANGED
    held = take_gradients(plan)
    if held < plan[GRADIENTS + 1]:
        let_gradients_go(plan, held)
        return CHANGED
    if numbers(plan[OPENMP], 1)[0] == 0:
        let_gradients_go(plan, held)
        return LOOKED
    run(plan)
    let_gradients_go(plan, held)
    return DONE
