# SPDX-License-Identifier: Apache-2.0
"""`make demo-memory`: a tour, words that nobody had thought of, and a robot that goes to where it remembers them."""
