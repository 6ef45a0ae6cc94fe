# SPDX-License-Identifier: Apache-2.0
"""Work that is done by a cluster: many machines, or all GPUs of one."""
