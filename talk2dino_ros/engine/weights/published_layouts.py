# SPDX-License-Identifier: Apache-2.0
"""The layouts in which weights are published, turned into those of the networks that timm and open_clip build.

A layout is told by a key that only it has. A converter renames, merges and drops what it knows; anything else
goes through as it is, for the strict loader to name.
"""

import re
from collections.abc import Callable
from pathlib import Path

import torch

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.weights.state_dicts import StateDict


def to_timm(state: StateDict, path: Path) -> StateDict:
    """Turn a DINOv2 or DINOv3 state dict of any published layout into timm's; timm's own stays as it is."""
    state = part_of_one_file(state, "model")
    for mark, convert in _BACKBONE_LAYOUTS.items():
        if mark in state:
            return convert(dict(state), path)
    return state


def _from_dinov2(state: StateDict, path: Path) -> StateDict:
    """Convert facebookresearch/dinov2: the class token's position is added at run time; timm keeps the sum."""
    state.pop("mask_token", None)
    state["reg_token"] = state.pop("register_tokens")
    if "cls_token" in state and "pos_embed" in state:
        state["cls_token"] = state["cls_token"] + state["pos_embed"][:, :1]
        state["pos_embed"] = state["pos_embed"][:, 1:]
    return state


def _from_dinov3(state: StateDict, path: Path) -> StateDict:
    """Convert facebookresearch/dinov3.

    The RoPE periods are left out: they are a constant, and the Talk2DINO authors ran timm's float32 ones.
    """
    dropped = re.compile(r"mask_token|rope_embed\.periods|.*\.bias_mask")
    state = {key: tensor for key, tensor in state.items() if not dropped.fullmatch(key)}
    state["reg_token"] = state.pop("storage_tokens")
    state = {re.sub(r"\.ls([12])\.gamma$", r".gamma_\1", key): tensor for key, tensor in state.items()}
    return _without_zero_bias(state, r"blocks\.\d+\.attn\.qkv\.bias", path)


def _from_dinov3_transformers(state: StateDict, path: Path) -> StateDict:
    """Return the same weights as facebook's repositories on Hugging Face hold them, for transformers."""
    state.pop("embeddings.mask_token", None)
    renamed = {_in_timm(key): tensor for key, tensor in state.items()}
    renamed = _without_zero_bias(renamed, r"blocks\.\d+\.attn\.[qkv]_proj\.bias", path)
    for key in [key for key in renamed if key.endswith(".attn.q_proj.weight")]:
        parts = [key.replace("q_proj", part) for part in ("q_proj", "k_proj", "v_proj")]
        if all(part in renamed for part in parts):
            renamed[key.replace("q_proj", "qkv")] = torch.cat([renamed.pop(part) for part in parts])
    return renamed


def _in_timm(key: str) -> str:
    for pattern, replacement in _DINOV3_TRANSFORMERS:
        key = re.sub(pattern, replacement, key)
    return key


def _without_zero_bias(state: StateDict, pattern: str, path: Path) -> StateDict:
    """Drop the q, k, v biases, zero in the published ViT-B and ViT-L and absent from timm's networks."""
    biases = [key for key in state if re.fullmatch(pattern, key)]
    for key in biases:
        # the key's third is masked at run time and may hold NaN in the original file
        if torch.nan_to_num(state[key]).any():
            raise WeightsError(
                f"{path} holds non-zero values in {key}, expected zeros, as in DINOv3's published ViT-B and "
                "ViT-L; take the published file"
            )
    return {key: tensor for key, tensor in state.items() if key not in biases}


_DINOV3_TRANSFORMERS = (
    (r"^embeddings\.patch_embeddings\.", "patch_embed.proj."),
    (r"^embeddings\.register_tokens$", "reg_token"),
    (r"^embeddings\.", ""),
    (r"^(model\.)?layer\.", "blocks."),
    (r"\.attention\.o_proj\.", ".attn.proj."),
    (r"\.attention\.", ".attn."),
    (r"\.layer_scale([12])\.lambda1$", r".gamma_\1"),
    (r"\.mlp\.up_proj\.", ".mlp.fc1."),
    (r"\.mlp\.down_proj\.", ".mlp.fc2."),
)

_BACKBONE_LAYOUTS: dict[str, Callable[[StateDict, Path], StateDict]] = {
    "register_tokens": _from_dinov2,
    "storage_tokens": _from_dinov3,
    "embeddings.register_tokens": _from_dinov3_transformers,
}

_NOT_TEXT = re.compile(r"visual\..*|logit_scale|input_resolution|context_length|vocab_size")


def is_clip_text(key: str) -> bool:
    """Tell by its name whether a tensor of a whole CLIP may be of its text tower."""
    return not _NOT_TEXT.fullmatch(key)


def clip_text_part(state: StateDict) -> StateDict:
    """Keep the text tower of a whole CLIP; OpenAI's archive and open_clip's files name it alike."""
    return {key: tensor for key, tensor in state.items() if is_clip_text(key)}


def is_no_backbone(key: str) -> bool:
    """Tell by its name whether a tensor of the authors' one file is not of the image encoder, its larger part."""
    return not key.startswith("model.")


def part_of_one_file(state: StateDict, network: str) -> StateDict:
    """Take one network out of the file of the authors' Hugging Face repositories, which holds all three.

    network: `model` (DINO) or `proj` (the projection). The state dict of one network stays as it is.
    """
    if "proj.linear_layer.weight" not in state:
        return state
    prefix = f"{network}."
    return {key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)}
