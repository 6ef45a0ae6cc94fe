# SPDX-License-Identifier: Apache-2.0
"""Requests of services as they come and are answered, whoever sends them and however many."""
