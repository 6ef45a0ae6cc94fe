# SPDX-License-Identifier: Apache-2.0
"""What the benchmark of number formats counts, against a count by hand."""

import numpy as np
import pytest

from benchmarks.encoder_precisions import _chain, _operations
from talk2dino_ros.engine.runtime.openvino_library import library

pytest.importorskip("openvino", reason="pip install -r tools/requirements/engine.txt is missing")


def graph_of(*layers):
    """The parameters' shapes, then a function of the parameters."""
    openvino = library()
    *shapes, build = layers
    inputs = [openvino.opset13.parameter(shape, np.float32) for shape in shapes]
    return openvino.Model([build(openvino.opset13, *inputs)], inputs)


GRAPHS = {
    # 4x5 values of 3 products each
    "matrix": (([4, 3], [3, 5]), lambda o, a, b: o.matmul(a, b, False, False), 4 * 5 * 3),
    "turned": (([3, 4], [3, 5]), lambda o, a, b: o.matmul(a, b, True, False), 4 * 5 * 3),
    # 6x6 pixels under a 3x3 kernel have 4x4 places; 7 outputs of 2 inputs each
    "convolution": (
        ([1, 2, 6, 6], [7, 2, 3, 3]),
        lambda o, a, b: o.convolution(a, b, [1, 1], [0, 0], [0, 0], [1, 1]),
        7 * 4 * 4 * 2 * 9,
    ),
    # each of 4 channels by itself
    "depthwise": (
        ([1, 4, 6, 6], [4, 1, 1, 3, 3]),
        lambda o, a, b: o.group_convolution(a, b, [1, 1], [0, 0], [0, 0], [1, 1]),
        4 * 4 * 4 * 9,
    ),
    # 2 heads: 5 queries with 6 keys of 8 values, and 6 values of 8 for each query
    "attention": (
        ([1, 2, 5, 8], [1, 2, 6, 8], [1, 2, 6, 8]),
        lambda o, q, k, v: o.scaled_dot_product_attention(q, k, v),
        2 * (5 * 6 * 8 + 5 * 6 * 8),
    ),
    "what is no product": (([4, 4], [4, 4]), lambda o, a, b: o.add(a, b), 0),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_products_and_their_sums_are_counted(name):
    shapes, build, products = GRAPHS[name]
    assert _operations(graph_of(*shapes, build)) == 2 * products


@pytest.mark.parametrize("is_int8", [False, True])
def test_the_chain_that_tells_the_processors_rate_has_the_operations_it_is_taken_for(is_int8):
    assert _operations(_chain(is_int8)) == 2 * 1024 * 768 * 3072 * 8
