# SPDX-License-Identifier: Apache-2.0
"""From a word to a place: a robot in a simulated room finds objects by name and drives to them."""
