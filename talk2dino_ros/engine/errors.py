# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, by what the user has to mend.

Talk2DinoError
├── VocabularyError   words that cannot become a vocabulary
├── ModelError        no such model, device, precision or option
├── WeightsError      a weights file is missing, truncated, has the wrong sum or the wrong keys
├── ImageError        an image that cannot be segmented
├── DatasetError      a data set that cannot be read (engine/evaluate)
├── TrainingError     a recipe, captions, a store or a checkpoint that training cannot use (engine/train)
├── GeometryError     a camera or depth that no position can come from (space)
├── TransformError    no transform between two frames at a stamp (tf)
├── MessageError      a message that no node can use (message_guard)
├── ThingError        a detection or an option that objects cannot be made of (objects)
└── ParameterError    a parameter's value, or the moment of its change

Every message is one sentence with the value, what was expected and the remedy.
"""


class Talk2DinoError(Exception):
    """Base of all errors that this package raises on purpose."""


class VocabularyError(Talk2DinoError):
    """Words that cannot become a vocabulary; the old vocabulary stays in force."""


class ModelError(Talk2DinoError):
    """A model, device, precision or option that does not exist here."""


class WeightsError(Talk2DinoError):
    """A weights file that is missing, truncated, has the wrong sum or the wrong keys."""


class ImageError(Talk2DinoError):
    """An image that cannot be segmented; the stream goes on without it."""


class TrainingError(Talk2DinoError):
    """A recipe, captions, a feature store or a checkpoint that training cannot use; nothing done so far is lost."""
