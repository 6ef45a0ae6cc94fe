# SPDX-License-Identifier: Apache-2.0
"""The page: what a robot sees, in a browser. Read web_source.py first, then web_app.py."""
