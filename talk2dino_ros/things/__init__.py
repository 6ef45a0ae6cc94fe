# SPDX-License-Identifier: Apache-2.0
"""From sightings in single images to things that last. Read things.py first."""
