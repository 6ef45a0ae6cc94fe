# SPDX-License-Identifier: Apache-2.0
"""`talk2dino label`: many bags, videos and folders of pictures, on one machine or a cluster."""
