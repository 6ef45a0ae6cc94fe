# SPDX-License-Identifier: Apache-2.0
"""How good the engine is: the published protocol on labelled data sets. Read runner.py first.

datasets/ says which image belongs to which label file and what the file's values mean, protocols.py how the two papers
run a model over an image, confusion.py counts pixels, runner.py walks over a data set, state.py keeps what was counted,
report.py writes it beside the paper's numbers.
"""
