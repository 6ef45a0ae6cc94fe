# SPDX-License-Identifier: Apache-2.0
"""The oracles are plain loops over pixels and neighbours, written from the formulas; the paths are also compared."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from talk2dino_ros.engine.inference.pamr import pamr
from talk2dino_ros.engine.inference.pamr.pamr_cpu import pamr_cpu
from talk2dino_ros.engine.inference.pamr.pamr_plain import pamr_plain, pamr_weights

PATHS = {"plain": pamr_plain, "cpu": pamr_cpu}

OFFSETS = [(y * d, x * d) for d in (1, 2, 4, 8, 12, 24) for y in (-1, 0, 1) for x in (-1, 0, 1)]


def neighbour(image, y, x, dy, dx):
    """The pixel at an offset, the nearest border pixel where it lies outside."""
    height, width = image.shape[1:]
    return image[:, min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)]


def slow_weights(rgb, y, x):
    samples = np.array([neighbour(rgb, y, x, dy, dx) for dy, dx in OFFSETS])  # 54, the centre six times
    deviation = samples.std(axis=0, ddof=1)
    outer = [(dy, dx) for dy, dx in OFFSETS if (dy, dx) != (0, 0)]
    logits = [
        -np.mean(np.abs(rgb[:, y, x] - neighbour(rgb, y, x, dy, dx)) / (1e-8 + 0.1 * deviation)) for dy, dx in outer
    ]
    powers = np.exp(np.array(logits) - max(logits))
    return outer, powers / powers.sum()


def slow_pamr(rgb, scores, iterations=10):
    height, width = rgb.shape[1:]
    weights = {(y, x): slow_weights(rgb, y, x) for y in range(height) for x in range(width)}
    for _ in range(iterations):
        refined = np.empty_like(scores)
        for (y, x), (outer, shares) in weights.items():
            values = np.array([neighbour(scores, y, x, dy, dx) for dy, dx in outer])
            refined[:, y, x] = shares @ values
        scores = refined
    return scores


@pytest.fixture(params=PATHS)
def path(request):
    return PATHS[request.param]


def seeded(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


# two sizes are larger than the farthest neighbour's distance
@pytest.mark.parametrize(("size", "contrast"), [((9, 13), 1.0), ((9, 13), 0.01), ((2, 55), 1.0), ((55, 2), 1.0)])
def test_pamr_equals_a_plain_loop(path, size, contrast):
    random = np.random.default_rng(3)
    rgb = 0.5 + contrast * (random.random((3, *size)) - 0.5)
    scores = random.random((2, *size))
    refined = path(torch.tensor(rgb, dtype=torch.float32), torch.tensor(scores, dtype=torch.float32))
    np.testing.assert_allclose(refined.numpy(), slow_pamr(rgb, scores), atol=2e-5)


# larger than the reach and than a block of columns, so that rows, blocks and bands have neighbours on all sides
@pytest.mark.parametrize("size", [(70, 600), (1, 1), (1, 300), (60, 2)])
def test_the_compiled_path_equals_the_plain_one(size):
    rgb, scores = seeded(3, *size), seeded(3, *size, seed=1)
    torch.testing.assert_close(pamr_cpu(rgb, scores), pamr_plain(rgb, scores), rtol=0, atol=1e-5)


def test_on_a_cpu_the_compiled_path_is_taken():
    rgb, scores = seeded(3, 20, 30), seeded(2, 20, 30, seed=1)
    torch.testing.assert_close(pamr(rgb, scores), pamr_cpu(rgb, scores), rtol=0, atol=0)


INTERPRETED = """
import torch
from talk2dino_ros.engine.inference.pamr import pamr_gpu as gpu, pamr_plain as plain
generator = torch.Generator().manual_seed(0)
# several programs in each direction, a size below the reach, one below a program; classes that fill no quad
for images, classes, own, size, iterations in (
    (2, 2, (9, 3), (9, 3), 2), (1, 3, (3, 65), (3, 65), 2), (1, 1, (1, 1), (1, 1), 3), (1, 17, (3, 31), (3, 31), 1),
    (1, 150, (2, 7), (2, 7), 1), (1, 5, (4, 6), (13, 11), 1),
):
    gpu.ITERATIONS = plain.ITERATIONS = iterations  # few, as the interpreter is slow; odd and even, for the two buffers
    rgb = torch.rand(images, *size, 3, generator=generator).permute(0, 3, 1, 2)  # as images are in memory
    scores = torch.rand(images, *own, classes, generator=generator).permute(0, 3, 1, 2)
    before = scores.clone()
    refined = gpu.pamr_gpu(rgb, scores)
    torch.testing.assert_close(refined, plain.pamr_plain(rgb, scores), rtol=0, atol=1e-5)
    assert torch.equal(scores, before)
few = gpu.pamr_gpu(rgb, scores, torch.tensor([3], dtype=torch.int32))
assert torch.equal(few[:, :3], refined[:, :3])
print("compared")
"""


def test_the_triton_kernels_in_triton_s_interpreter_equal_the_plain_path():
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    run = subprocess.run(
        [sys.executable, "-c", INTERPRETED], env=environment, capture_output=True, text=True, check=False
    )
    assert (run.stdout, run.returncode) == ("compared\n", 0), run.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU, which PyTorch does not see here")
@pytest.mark.parametrize("size", [(70, 600), (480, 640), (70_000, 2)])  # the last is higher than a grid's y can be
def test_on_a_gpu_the_triton_kernels_equal_the_plain_path(size):
    from talk2dino_ros.engine.inference.pamr.pamr_gpu import pamr_gpu

    rgb, scores = seeded(3, *size).cuda(), seeded(20, *size, seed=1).cuda()
    torch.testing.assert_close(pamr_gpu(rgb, scores), pamr_plain(rgb, scores), rtol=0, atol=1e-5)


def test_pamr_weights_are_shares_of_48_neighbours():
    weights = pamr_weights(seeded(3, 6, 5))
    assert weights.shape == (48, 6, 5)
    assert weights.min() >= 0
    torch.testing.assert_close(weights.sum(dim=0), torch.ones(6, 5))


def test_pamr_weights_on_a_flat_image_are_all_alike():
    weights = pamr_weights(torch.full((3, 4, 4), 0.3))
    torch.testing.assert_close(weights, torch.full((48, 4, 4), 1 / 48))


def test_a_flat_image_spreads_a_score_evenly_over_what_is_in_reach(path):
    scores = torch.zeros(1, 1, 3)
    scores[0, 0, 1] = 48.0
    # one row: of the 48 neighbours of the middle, 12 are the middle itself (two above and below per dilation) and 36
    # lie on the left or right; the left end has 30 of itself (24 to the left, six above, ...): by the plain loop
    refined = path(torch.full((3, 1, 3), 0.5), scores)
    np.testing.assert_allclose(refined.numpy(), slow_pamr(np.full((3, 1, 3), 0.5), scores.numpy()), atol=1e-4)


def test_pamr_does_not_spread_scores_over_an_edge(path):
    rgb = torch.zeros(3, 20, 40)
    rgb[:, :, 20:] = 1
    scores = torch.zeros(1, 20, 40)
    scores[:, :, 22:] = 1  # two columns short of the edge
    refined = path(rgb, scores)[0]
    assert refined[:, 20:].min() > 0.5
    assert refined[:, :20].max() < 0.5


def test_a_pixel_unlike_equal_neighbours_leaves_a_constant_score_constant(path):
    rgb = torch.zeros(3, 5, 5)
    rgb[:, 2, 2] = 1  # its neighbours are all alike, and for them it is the largest distance that can be
    refined = path(rgb, torch.ones(1, 5, 5))
    torch.testing.assert_close(refined, torch.ones(1, 5, 5))


def test_a_batch_is_refined_image_by_image(path):
    rgb, scores = seeded(2, 3, 7, 9), seeded(2, 4, 7, 9, seed=1)
    for number, refined in enumerate(path(rgb, scores)):
        torch.testing.assert_close(refined, path(rgb[number], scores[number]), rtol=0, atol=1e-6)


def test_scores_of_another_size_are_stretched_corner_to_corner(path):
    rgb, scores = seeded(3, 7, 9), seeded(2, 3, 4, seed=1)
    large = torch.nn.functional.interpolate(scores[None], (7, 9), mode="bilinear", align_corners=True)[0]
    torch.testing.assert_close(path(rgb, scores), path(rgb, large), rtol=0, atol=0)


def test_pamr_does_not_change_its_input(path):
    scores = seeded(2, 5, 5, seed=1)
    before = scores.clone()
    path(seeded(3, 5, 5), scores)
    torch.testing.assert_close(scores, before, rtol=0, atol=0)


def test_two_threads_can_refine_at_the_same_time():
    from concurrent.futures import ThreadPoolExecutor

    inputs = [(seeded(3, 60, 80, seed=i), seeded(2, 60, 80, seed=i + 10)) for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        refined = list(pool.map(lambda pair: pamr_cpu(*pair), inputs))
    for pair, result in zip(inputs, refined, strict=True):
        torch.testing.assert_close(result, pamr_plain(*pair), rtol=0, atol=1e-5)
