# SPDX-License-Identifier: Apache-2.0
"""The go-to task, pure: what it may go to, what it has seen, and what the memory has answered."""
