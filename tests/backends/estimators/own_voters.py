"""A workload of kind `ensemble` as a user would write it: workers cannot import its file, and the model is a class of that file."""

from dataclasses import dataclass
from typing import Any, ClassVar

from sklearn.neural_network import MLPClassifier

from manyhands.workloads.ensemble import Ensemble


class OwnPerceptron(MLPClassifier):
    """scikit-learn's under another name."""


@dataclass(frozen=True)
class Voters(Ensemble):
    name: ClassVar[str] = "own-voters"

    def classifier(self, seed: int, passes: int, batch_size: int) -> Any:
        return OwnPerceptron(**super().classifier(seed, passes, batch_size).get_params())
