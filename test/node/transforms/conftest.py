# SPDX-License-Identifier: Apache-2.0
"""Each of the two listeners to TF, and a robot that publishes."""

import pytest
from tf_end import TfEnd

from talk2dino_ros.ros.tf.open_transforms import is_installed


def tf2_ros(node):
    from talk2dino_ros.ros.tf.tf2_adapter import Tf2Transforms

    return Tf2Transforms(node)


def tf2_msgs(node):
    from talk2dino_ros.ros.tf.heard_transforms import HeardTransforms

    return HeardTransforms(node)


LISTENERS = (tf2_ros, tf2_msgs)  # named by the package that each needs


def listener(make):
    missing = pytest.mark.skipif(not is_installed(make.__name__), reason=f"{make.__name__} is not installed")
    return pytest.param(make, id=make.__name__, marks=missing)


@pytest.fixture(params=map(listener, LISTENERS))
def tf(request, context):
    end = TfEnd(context, request.param)
    yield end
    end.destroy()
