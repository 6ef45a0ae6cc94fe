# SPDX-License-Identifier: Apache-2.0
"""Navigation demo: a robot in a simulated room finds objects by name and drives to them."""
