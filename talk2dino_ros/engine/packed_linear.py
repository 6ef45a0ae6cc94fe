# SPDX-License-Identifier: Apache-2.0
"""Linear layers in bf16 on a CPU with their weights in the order that its matrix units read.

PyTorch's own linear layer has oneDNN reorder the weights in every call, which for one image costs a good part of the
multiplication itself. The two operators are those that torch.compile puts in their place; where a version of PyTorch
lacks them the layers stay as they are: the same result, slower.
"""

from typing import Any

import torch
from torch import Tensor, nn


class PackedLinear(nn.Module):
    """What nn.Linear does, for inputs [..., in] in bf16 on a CPU; has no `weight` to read."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self._packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())
        self._bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """Return x @ weight.T + bias."""
        result: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._packed, self._bias, "none", [], "")
        return result


def pack_linears(network: Any) -> None:
    """Pack the linear layers in the blocks of a timm ViT in place.

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
                    setattr(owner, name, PackedLinear(part))


def can_pack() -> bool:
    """Tell whether this PyTorch has oneDNN and the two operators."""
    operators = ("_reorder_linear_weight", "_linear_pointwise")
    return torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in operators)
