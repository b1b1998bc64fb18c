"""Native code where something is wrong: with the cache folder, with a file in it, with Numba, with the moment."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import warnings

import pytest
import torch

import steepest
from steepest.program import native
from steepest.program.native import NotCompiled, load

from ..optim.stepping import parameters, train

TEXT = """
import numba

@numba.njit("float64(float64)", cache=True)
def plus(x):
    return x + {number}
"""
"""A small kernel."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache folder, and no kernel known, as in a new process."""
    from steepest.optim.cpu import step

    monkeypatch.setenv("STEEPEST_CACHE", str(tmp_path / "kernels"))
    monkeypatch.setattr(native, "_warned", set())
    monkeypatch.setattr(native, "_failures", {})
    monkeypatch.setattr(step, "_kernels", {})
    for name in [name for name in sys.modules if name.startswith("kernel_")]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path / "kernels"


def forget(module):
    del sys.modules[module.__name__]


def files(folder, ending):
    return sorted(folder.rglob(f"*{ending}"))


def test_machine_code_is_cached(folder):
    module = load(TEXT.format(number=1.5))
    assert module.plus(1.0) == 2.5 and load(TEXT.format(number=1.5)) is module
    kept = {file: file.stat().st_mtime_ns for file in files(folder, "*")}
    assert files(folder, ".nbc") and not files(folder, ".part")
    forget(module)
    again = load(TEXT.format(number=1.5))
    assert again.plus.stats.cache_hits and again.plus(1.0) == 2.5
    assert {file: file.stat().st_mtime_ns for file in files(folder, "*")} == kept or len(kept) == len(
        files(folder, "*")
    )


def emptied(file):
    file.write_bytes(b"")


def cut_in_half(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def with_a_bit_flipped(file):
    data = bytearray(file.read_bytes())
    data[-len(data) // 3] ^= 1
    file.write_bytes(bytes(data))


def replaced_by_noise(file):
    file.write_bytes(bytes(range(256)) * 8)


@pytest.mark.parametrize("damage", [emptied, cut_in_half, with_a_bit_flipped, replaced_by_noise])
@pytest.mark.parametrize("ending", [".nbc", ".nbi"])
def test_a_damaged_cache_file_is_compiled_anew_with_a_warning(folder, ending, damage):
    text = TEXT.format(number=2.5)
    forget(load(text))
    for file in files(folder, ending):
        damage(file)
    with pytest.warns(RuntimeWarning, match="was damaged .* compiled anew"):
        module = load(text)
    assert module.plus(1.0) == 3.5
    forget(module)
    assert load(text).plus.stats.cache_hits  # whole again, and no warning


@pytest.mark.parametrize("ending", [".nbc", ".nbi"])
@pytest.mark.parametrize("damage", [emptied, cut_in_half, with_a_bit_flipped, replaced_by_noise])
def test_damaged_machine_code_without_a_checksum(folder, ending, damage):
    """As after a crash between the two."""
    text = TEXT.format(number=3.5)
    forget(load(text))
    for file in files(folder, ".sha256"):
        file.unlink()
    for file in files(folder, ending):
        damage(file)
    with pytest.warns(RuntimeWarning, match="was damaged .a checksum is missing. .* compiled anew"):
        assert load(text).plus(1.0) == 4.5


def test_a_warning_that_is_an_error_names_the_damage_and_keeps_what_was_compiled(folder):
    text = TEXT.format(number=3.75)
    forget(load(text))
    for file in files(folder, ".nbc"):
        emptied(file)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="was damaged"):
            load(text)
        module = load(text)
        assert module.plus(1.0) == 4.75
        forget(module)
        assert load(text).plus.stats.cache_hits


def test_a_process_without_numba_leaves_the_cache_alone(folder, monkeypatch):
    text = TEXT.format(number=3.25)
    forget(load(text))
    kept = files(folder, "")
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.warns(RuntimeWarning, match="ModuleNotFoundError"), pytest.raises(NotCompiled):
        load(text)
    assert files(folder, "") == kept and files(folder, ".nbc")


@pytest.mark.parametrize("damage", [emptied, cut_in_half, replaced_by_noise])
@pytest.mark.parametrize("ending", [".py", ".sha256"])
def test_damaged_texts_are_written_again(folder, ending, damage, recwarn):
    text = TEXT.format(number=4.5)
    forget(load(text))
    for file in files(folder, ending):
        damage(file)
    if ending == ".sha256":
        with pytest.warns(RuntimeWarning, match="was damaged"):
            load(text)
    else:
        assert load(text).plus(1.0) == 5.5


# --- nothing can be stored --------------------------------------------------------------------------------------------


def under_a_file(folder, monkeypatch):
    folder.write_text("not a folder")


def without_a_home(folder, monkeypatch):
    monkeypatch.delenv("STEEPEST_CACHE")
    monkeypatch.setattr(native.Path, "home", lambda: native.Path("/proc/1/no such folder"))


def without_a_known_home(folder, monkeypatch):
    def fail():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("STEEPEST_CACHE")
    monkeypatch.setattr(native.Path, "home", fail)


def on_a_full_disk(folder, monkeypatch):
    """For our files; the next is for Numba's."""

    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(native.Path, "write_bytes", fail)


def on_a_disk_that_gets_full(folder, monkeypatch):
    from numba.core import caching

    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", fail)


PLACES = [under_a_file, without_a_home, without_a_known_home, on_a_full_disk, on_a_disk_that_gets_full]


@pytest.mark.parametrize("place", PLACES)
def test_where_nothing_can_be_stored_kernels_are_compiled_in_memory_with_one_warning(folder, monkeypatch, place):
    place(folder, monkeypatch)
    number = 10.0 + PLACES.index(place)
    with pytest.warns(RuntimeWarning, match="cannot be cached .* set STEEPEST_CACHE to a folder") as caught:
        module = load(TEXT.format(number=number))
        load(TEXT.format(number=number + 0.5))
    assert module.plus(1.0) == 1.0 + number
    assert len(caught) == 1


def test_a_folder_that_cannot_be_written_to(folder):
    """A real one, where the process is not root's; and what is in it is used all the same."""
    text = TEXT.format(number=20.5)
    forget(load(text))
    for part in (folder / "__pycache__", folder):
        part.chmod(0o500)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip("this user may write everywhere")
        assert load(text).plus.stats.cache_hits
        with pytest.warns(RuntimeWarning, match="PermissionError"):
            assert load(TEXT.format(number=21.5)).plus(1.0) == 22.5
    finally:
        for part in (folder, folder / "__pycache__"):
            part.chmod(0o700)


# --- nothing can be compiled ------------------------------------------------------------------------------------------


@pytest.fixture
def no_compiler(folder, monkeypatch):
    """Numba fails at whatever it is asked to compile."""
    import numba

    def fail(*arguments, **options):
        raise numba.core.errors.UnsupportedError("no such feature")

    monkeypatch.setattr(numba, "cfunc", fail)
    monkeypatch.setattr(numba, "njit", fail)


def test_what_cannot_be_compiled_is_said_once_and_tried_once(no_compiler):
    text = TEXT.format(number=30.5)
    with pytest.warns(RuntimeWarning, match="no such feature") as caught:
        for _ in range(3):
            with pytest.raises(NotCompiled, match="no kernel could be compiled: UnsupportedError: no such feature"):
                load(text)
    assert len(caught) == 1


def test_an_optimizer_steps_eagerly_where_nothing_can_be_compiled(no_compiler):
    reached = []
    for fused in (None, False):
        params = parameters()
        optimizer = steepest.Adam(params, lr=0.1, fused=fused)
        if fused is None:
            with pytest.warns(RuntimeWarning, match="slower engines stand in") as caught:
                train(optimizer, params, 3)
            assert len(caught) == 1
            assert optimizer.engine.startswith("eager for 3 parameters (no kernel could be compiled")
        else:
            train(optimizer, params, 3)
        reached.append(torch.cat([param.detach().flatten() for param in params]))
    assert torch.equal(*reached)


def test_half_precision_steps_eagerly_where_nothing_can_be_compiled(no_compiler):
    params = parameters(torch.bfloat16)
    before = [param.detach().clone() for param in params]
    with pytest.warns(RuntimeWarning, match="slower engines stand in"):
        train(steepest.Adam(params, lr=0.1, master_weights=True), params, 2)
    assert not any(map(torch.equal, before, params))


def test_trajectories_go_by_numpy_where_nothing_can_be_compiled(no_compiler):
    with pytest.warns(RuntimeWarning, match="slower engines stand in"):
        ends = steepest.trace("adam", "himmelblau", starts=[[0.0, 1.0], [1.0, 2.0]], steps=20)
    assert ends.engine == "numpy"
    single = steepest.trace("adam", "himmelblau", start=(1.0, 2.0), steps=20)
    assert ends.x[1] == pytest.approx(single.x[-1], rel=1e-12)


# --- at a bad moment --------------------------------------------------------------------------------------------------


def test_ctrl_c_while_a_kernel_is_compiled_leaves_all_as_it_was(folder, monkeypatch):
    import numba

    params = parameters()
    before = [param.detach().clone() for param in params]
    groups = [{"params": params[:1], "weight_decay": 0.1}, {"params": params[1:]}]  # a kernel each
    optimizer = steepest.Adam(groups, lr=0.1)
    compile_function, calls = numba.cfunc, []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 4:
            signal.raise_signal(signal.SIGINT)
        return compile_function(*arguments, **options)

    monkeypatch.setattr(numba, "cfunc", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(optimizer, params, 1)
    assert all(map(torch.equal, before, params))
    assert all(state["step"] == 0 for state in optimizer.state.values())
    train(optimizer, params, 3)
    reference = [param.clone().requires_grad_() for param in before]
    groups = [{"params": reference[:1], "weight_decay": 0.1}, {"params": reference[1:]}]
    train(steepest.Adam(groups, lr=0.1, fused=False), reference, 3)
    torch.testing.assert_close(params, reference, rtol=1e-13, atol=1e-14, check_layout=False)


@pytest.mark.parametrize("where", ["cached", "in memory"])
def test_ctrl_c_waits_for_the_end_of_a_compilation(folder, where):
    """Numba fails ever after where its import, or a compilation, was cut short."""
    if where == "in memory":
        folder.write_text("not a folder")
    text = f"import signal\nsignal.raise_signal(signal.SIGINT)\nplace = {where!r}"
    with pytest.raises(KeyboardInterrupt):
        load(text)
    assert load(text).place == where  # without another Ctrl-C: it was loaded to its end
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_first_steps_in_many_threads(folder, monkeypatch):
    """One compiles, the others wait."""
    compiled, execute = [], native._execute
    monkeypatch.setattr(native, "_execute", lambda *arguments: compiled.append(1) or execute(*arguments))
    runs = [parameters() for _ in range(8)]
    errors = []

    def first_steps(params):
        try:
            train(steepest.RMSprop(params, lr=0.1), params, 3)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=first_steps, args=(params,)) for params in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and len(compiled) == 1
    for params in runs[1:]:
        assert all(map(torch.equal, params, runs[0]))


def test_first_steps_in_processes_at_once_and_in_a_child_forked_meanwhile(tmp_path):
    code = """
        import os, threading, torch, steepest
        torch.set_num_threads(1)
        torch.add(torch.ones(8), 1)  # torch itself does not survive a fork during its first operations

        def steps():
            param = torch.nn.Parameter(torch.ones(8))
            optimizer = steepest.Adam([param], lr=0.125)
            for _ in range(3):
                param.grad = torch.ones(8)
                optimizer.step()
            return optimizer.engine, round(param.sum().item(), 4)

        thread = threading.Thread(target=steps)
        thread.start()
        child = os.fork()  # while the thread compiles
        result = steps()
        if child == 0:
            os._exit(0 if result == ("fused CPU kernel for 1 parameters", 5.0) else 1)
        thread.join()
        print(result, os.waitpid(child, 0)[1])
    """
    environment = os.environ | {"STEEPEST_CACHE": str(tmp_path / "kernels")}
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(code)]
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=120) for process in running]
    assert answers == [("('fused CPU kernel for 1 parameters', 5.0) 0\n", "")] * 2
