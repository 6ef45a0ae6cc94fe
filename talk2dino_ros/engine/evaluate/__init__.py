# SPDX-License-Identifier: Apache-2.0
"""Evaluate the engine by the published protocols on labelled data sets. Read evaluation_runner.py first.

datasets/ says which image belongs to which label file and what the file's values mean, protocols.py how the two papers
run a model over an image, confusion.py counts pixels, evaluation_runner.py walks over a data set, evaluation_state.py
keeps what was counted, evaluation_report.py writes it beside the paper's numbers.
"""
