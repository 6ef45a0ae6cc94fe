# SPDX-License-Identifier: Apache-2.0
"""What the middleware keeps in /dev/shm."""
