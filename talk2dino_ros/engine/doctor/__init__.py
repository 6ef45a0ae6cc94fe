# SPDX-License-Identifier: Apache-2.0
"""What a machine can do with this package, as findings for a person: `talk2dino doctor` shows them."""
