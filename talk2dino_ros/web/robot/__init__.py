# SPDX-License-Identifier: Apache-2.0
"""The page of a robot: a node of its own, which talks to the others by their topics, services and actions alone."""
