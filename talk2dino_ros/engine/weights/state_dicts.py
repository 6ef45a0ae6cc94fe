# SPDX-License-Identifier: Apache-2.0
"""From a weights file to a network, strictly: every key accounted for, every shape equal, or an error."""

import os
import re
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.files.regular_files import check_regular, open_regular

StateDict = dict[str, Tensor]
Wanted = Callable[[str], bool]  # tells by a tensor's name
Network = TypeVar("Network", bound=nn.Module)

FETCH_AGAIN = "fetch it again or correct weights_dir"
_WRAPPERS = ("state_dict", "model_state_dict")  # names under which training loops keep the weights beside the rest
_PREFIXES = ("module.", "_orig_mod.")  # of DistributedDataParallel, and of torch.compile
_RANDOM = ("uniform_", "normal_", "trunc_normal_", "kaiming_uniform_", "xavier_uniform_", "erfinv_")
_FILLING = ("fill_", "zero_", "mul_", "add_", "clamp_", "div_", "sub_")


class _WithoutFirstValues(TorchFunctionMode):
    """Skips the initialisation of parameters, whose last value strict loading replaces: it takes seconds, and what is
    never written takes no memory. Buffers, which a file may not have, get theirs but for random ones.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        filled = args[0] if args else (kwargs or {}).get("tensor")
        if name in _RANDOM or (name in _FILLING and isinstance(filled, nn.Parameter)):
            return filled
        return func(*args, **(kwargs or {}))


def build_and_load(build: Callable[[], Network], state: StateDict, path: Path, *, remedy: str = FETCH_AGAIN) -> Network:
    """Build a network and fill it from a state dict, strictly; it comes back frozen, in evaluation mode.

    remedy: what a person does about a file that does not fit, which depends on where it is from.
    Raises WeightsError naming the missing and unexpected keys, or the first tensor of another shape.
    """
    with _WithoutFirstValues():
        network = build()
    expected = network.state_dict()
    check_keys(expected, state, path, remedy=remedy)
    # taken over as they are: a copy beside them would double the memory, gigabytes for some
    state = {key: tensor.to(expected[key].dtype).contiguous() for key, tensor in state.items()}
    network.load_state_dict(state, strict=True, assign=True)
    return network.eval().requires_grad_(False)


def check_keys(expected: StateDict, found: StateDict, path: Path, *, remedy: str = FETCH_AGAIN) -> None:
    """Compare two state dicts by key and shape. Raises WeightsError at the first kind of difference."""
    missing = [key for key in expected if key not in found]
    unexpected = [key for key in found if key not in expected]
    if missing or unexpected:
        raise WeightsError(
            f"{path} has {_some('missing', missing)} and {_some('unexpected', unexpected)} for this model, "
            f"expected exactly those of the published file; {remedy}"
        )
    for key, tensor in expected.items():
        if tensor.shape != found[key].shape:
            raise WeightsError(
                f"{path} holds {key} of shape {list(found[key].shape)}, expected {list(tensor.shape)}; "
                f"it is the file of another model, so {remedy}"
            )


def _some(what: str, keys: Sequence[str]) -> str:
    if not keys:
        return f"no {what} keys"
    shown = ", ".join(keys[:3]) + (", …" if len(keys) > 3 else "")
    return f"{len(keys)} {what} key{'s' if len(keys) > 1 else ''} ({shown})"


def every(key: str) -> bool:
    """Tell that a tensor is wanted, whatever its name."""
    return True


def read_state_dict(path: Path, *, remedy: str = FETCH_AGAIN, wanted: Wanted = every) -> StateDict:
    """Read safetensors or a pickle of tensors (`weights_only`), onto the CPU; no code in the file is run.

    wanted: the tensors that a safetensors file is read for, where it has one of them; the others take no memory.

    The wrapping of training loops is taken off: `{"state_dict": …}` with whatever else they keep, `module.` and
    `_orig_mod.` before every name.
    Raises WeightsError for a file that is truncated, or that holds anything else than named tensors.
    """
    try:
        state: object = (
            _read_safetensors(check_regular(path), wanted)
            if path.suffix == ".safetensors"
            else torch.load(check_regular(path), map_location="cpu", weights_only=True)
        )
    except Exception as error:  # torch's unpickler meets garbage with whatever it stumbles over, IndexError too
        reason = re.split(r"\. |\n", str(error))[0] or type(error).__name__
        raise WeightsError(
            f"{path} ({_size(path)} bytes) cannot be read ({reason}), expected a whole file of tensors; {remedy}"
        ) from error
    return _tensors(state, path, remedy)


def _read_safetensors(path: Path, wanted: Wanted) -> StateDict:
    # not mapped, which is the default: mapped tensors change with the file, and a copy of them doubles the memory
    with safe_open(path, framework="pt", backend="pread") as file:
        keys = list(file.keys())
        return {key: file.get_tensor(key) for key in [*filter(wanted, keys)] or keys}


def _size(path: Path) -> int:
    return path.stat().st_size if os.path.exists(path) else 0


def _tensors(state: object, path: Path, remedy: str) -> StateDict:
    inner = _unwrapped(state) if isinstance(state, dict) else {}
    if inner and all(isinstance(value, Tensor) for value in inner.values()):
        return _without_prefixes(inner)
    raise WeightsError(f"{path} holds a {type(state).__name__}, expected a dict of named tensors; {remedy}")


def _unwrapped(state: dict[str, Any]) -> dict[str, Any]:
    return next((inner for name in _WRAPPERS if isinstance(inner := state.get(name), dict)), state)


def _without_prefixes(state: StateDict) -> StateDict:
    while prefix := next((each for each in _PREFIXES if all(str(key).startswith(each) for key in state)), ""):
        state = {key.removeprefix(prefix): tensor for key, tensor in state.items()}
    return dict(state)


def is_torchscript(path: Path) -> bool:
    """Tell whether a file is a TorchScript archive, which carries code besides tensors."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            return any(name.split("/", 1)[-1] == "constants.pkl" for name in archive.namelist())
    except Exception:  # zipfile meets damage with errors of many kinds; who reads the file as tensors says what it is
        return False


def read_torchscript(path: Path) -> StateDict:
    """Read the tensors of a TorchScript archive. It may run code: check the file's sha256 first."""
    with warnings.catch_warnings():
        # OpenAI's file exists in no other form, whatever torch recommends for new ones
        warnings.filterwarnings("ignore", message=".*torch.jit.load.* is deprecated")
        return _tensors(dict(torch.jit.load(str(path), map_location="cpu").state_dict()), path, FETCH_AGAIN)
