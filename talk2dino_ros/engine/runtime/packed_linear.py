# SPDX-License-Identifier: Apache-2.0
"""Linear layers in bf16 on a CPU with their weights in the order that its matrix units read.

PyTorch's own linear layer has oneDNN reorder the weights in every call, which for one image costs a good part of the
multiplication itself. The two operators are those that torch.compile puts in their place; where a version of PyTorch
lacks them the layers stay as they are: the same result, slower.
"""

from itertools import repeat
from typing import Any

import torch
from torch import Tensor, nn

from talk2dino_ros.engine.runtime.cpuinfo import cpu_has

# With AMX and so many rows oneDNN gives the whole of a narrow layer to one of two threads (benchmarks/idle_thread.py);
# a piece of its columns it divides. With fewer or more rows, more threads, or without AMX, all have work, and pieces
# cost time.
IDLE_ROWS = range(480, 1320)
PIECE = 256


class PackedLinear(nn.Module):
    """What nn.Linear does, for inputs [..., in] in bf16 on a CPU; has no `weight` to read.

    gelu: the exact GELU follows, computed before the result is rounded to bf16. in_pieces: for IDLE_ROWS, where it pays
    (see `pieces_pay`) unless said otherwise; a layer that is used in pieces is kept twice, in pieces and whole.
    """

    def __init__(self, linear: nn.Linear, *, gelu: bool = False, in_pieces: bool | None = None) -> None:
        super().__init__()
        weight, bias = linear.weight.detach(), None if linear.bias is None else linear.bias.detach()
        self._after = "gelu" if gelu else "none"
        self._whole = _pack(weight, bias)
        self._columns = []
        if pieces_pay(linear) if in_pieces is None else in_pieces:
            biases = repeat(None) if bias is None else bias.split(PIECE)
            self._columns = [_pack(*piece) for piece in zip(weight.split(PIECE), biases, strict=False)]

    def forward(self, x: Tensor) -> Tensor:
        """Return x @ weight.T + bias, and its GELU where that was asked for."""
        if self.takes_pieces(x[..., 0].numel()):
            return torch.cat([self._multiply(x, *piece) for piece in self._columns], dim=-1)
        return self._multiply(x, *self._whole)

    def takes_pieces(self, rows: int) -> bool:
        """Tell whether so many rows, of all images together, are multiplied piece by piece."""
        return bool(self._columns) and rows in IDLE_ROWS

    def _multiply(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, self._after, [], "none")
        return result


def pack_linears(network: Any) -> None:
    """Pack the linear layers in the blocks of a timm ViT in place, and the GELU between two of them into the first.

    Not those whose weights are read from outside: the last block's qkv (by the class token's attention) and qkv with
    biases of their own (by timm's attention).
    """
    if not can_pack():
        return
    for block in network.blocks:
        for owner in (block.attn, block.mlp):
            for name, part in owner.named_children():
                is_read = name == "qkv" and (block is network.blocks[-1] or getattr(owner, "q_bias", None) is not None)
                if type(part) is nn.Linear and part.weight.dtype == torch.bfloat16 and not is_read:
                    setattr(owner, name, PackedLinear(part, gelu=name == "fc1" and _takes_gelu(owner)))


def can_pack() -> bool:
    """Tell whether this PyTorch has the two operators, and its oneDNN takes bf16 on this CPU: tried on one value."""
    one = torch.ones(1, 1, dtype=torch.bfloat16)
    try:
        return float(torch.ops.mkldnn._linear_pointwise(one, _pack(one, None)[0], None, "none", [], "none")) == 1
    except (AttributeError, RuntimeError, NotImplementedError):
        return False


def _pack(weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor | None]:
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())
    return packed, None if bias is None else bias.contiguous()


def pieces_pay(linear: nn.Linear) -> bool:
    """Tell whether oneDNN here leaves one of two threads without work on a layer, at some number of rows."""
    return torch.get_num_threads() == 2 and cpu_has("amx_bf16") and leaves_one_idle(linear)


def leaves_one_idle(linear: nn.Linear) -> bool:
    """Tell whether a layer has the shape for that."""
    return 768 <= linear.out_features <= 1024 and linear.in_features < 4096


def _takes_gelu(mlp: Any) -> bool:
    """Take the exact GELU out of a timm Mlp, where it has one; tells whether."""
    if type(mlp.act) is not nn.GELU or mlp.act.approximate != "none":
        return False
    mlp.act = nn.Identity()
    return True
