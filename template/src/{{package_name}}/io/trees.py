"""Trees of a model from elsewhere: scikit-learn's compiled code follows their nodes unchecked.

A file that runs no code may still hold a node that points outside its tree, or back to itself, and
a prediction would then crash the process, or never end.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, is_classifier
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.pipeline import Pipeline
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import TREE_LEAF, Tree

from ..core.errors import RegistryError

Array = np.ndarray[Any, np.dtype[Any]]

LEAVES = (str, bytes, int, float, np.generic, type, FunctionType, ModuleType)
"""What holds no estimator."""

BOOSTING = (GradientBoostingClassifier, GradientBoostingRegressor)

GROVES = (BaseForest, *BOOSTING)
"""Ensembles that check the columns themselves, and no more in each of their trees."""

BITSET = 8
"""Words of 32 bits: one bit for each of 256 categories."""


def check_trees(pipeline: Pipeline) -> None:
    """Check that all the trees can be followed from the root to a leaf.

    Args:
        pipeline: fitted; its trees may be anywhere within.

    Raises:
        RegistryError: A tree is damaged.
    """
    try:
        parts = list(_parts(pipeline))
        for part in parts:
            _check_part(part)
        # Last, as it runs what is checked before.
        for part in parts:
            _check_outcome(part)
    except Exception as error:  # whatever it is, a fitted model has no such parts
        raise RegistryError(
            f"The model's trees are damaged: {error}. It was not loaded."
        ) from error


def _parts(whole: object) -> Iterator[object]:
    """Yield what an object is made of, each once, itself first."""
    seen = {id(whole)}
    ahead = [whole]
    while ahead:
        part = ahead.pop()
        yield part
        for inner in _inner(part):
            if not isinstance(inner, LEAVES) and id(inner) not in seen:
                seen.add(id(inner))
                ahead.append(inner)


def _inner(part: object) -> Iterable[object]:
    """List what is directly within."""
    match part:
        case np.ndarray():
            # The array is what keeps its items, whose identities must stay their own.
            return list(part.flat) if part.dtype == object else []
        case dict():
            return [*part, *part.values()]
        case list() | tuple() | set() | frozenset():
            return part
        case MethodType():
            return [part.__self__]
        case partial():
            return [part.func, *part.args, *part.keywords.values()]
        case _:
            return getattr(part, "__dict__", {}).values()


def _check_part(part: object) -> None:
    match part:
        case Tree():
            _check_tree(part)
        case TreePredictor():
            _check_histogram_tree(part)
    if isinstance(part, BaseEstimator):
        for name in vars(part):
            # In a method's place, an attribute could do away with the checks of the input.
            _require(not callable(getattr(type(part), name, None)), f"{name} is not the method")
    match part:
        case BaseHistGradientBoosting():
            _check_histogram_boosting(part)
        case BaseDecisionTree() if hasattr(part, "tree_"):  # a forest keeps one that is not fitted
            _check_decision_tree(part)
        case _ if isinstance(part, GROVES) and hasattr(part, "estimators_"):
            _check_grove(part)


def _require(holds: object, what: str) -> None:
    if not holds:
        raise ValueError(what)


def _check_tree(tree: Tree) -> None:
    _require(tree.node_count > 0, "a tree has no nodes")
    left, right = tree.children_left, tree.children_right
    splits = left != TREE_LEAF
    _require((right[~splits] == TREE_LEAF).all(), "a node has one child")
    _check_splits(splits, left, right, tree.feature, tree.n_features)


def _check_splits(
    splits: Array, left: Array, right: Array, features: Array, n_features: int
) -> None:
    """Check the nodes that have children.

    Whatever the order in which a tree grew, its nodes come after their parents: where this holds,
    no path comes back to where it was.
    """
    places = np.flatnonzero(splits)
    for children in (left[places], right[places]):
        _require((children > places).all(), "a node does not come after its parent")
        _require((children < len(splits)).all(), "a child is not there")
    features = features[places]
    _require(((features >= 0) & (features < n_features)).all(), "a feature is not there")


def _check_decision_tree(estimator: BaseDecisionTree) -> None:
    tree = estimator.tree_
    _require(isinstance(tree, Tree), "tree_ is no tree")
    _require(_width(estimator) == tree.n_features, "a tree has other features than its model")
    n_classes = np.max(estimator.n_classes_) if is_classifier(estimator) else 1
    shape = (estimator.n_outputs_, n_classes)
    _require((tree.n_outputs, tree.max_n_classes) == shape, "a tree has other outputs")


def _check_grove(ensemble: Any) -> None:
    members = np.asarray(ensemble.estimators_, dtype="object")
    _require(members.size > 0, "there are no trees")
    for member in members.flat:
        _require(isinstance(member, BaseDecisionTree), "a member is no tree")
        _require(hasattr(member, "tree_"), "a member is not fitted")
        _require(_width(member) == _width(ensemble), "a tree has other features than its model")
        if isinstance(ensemble, BaseForest):
            same = np.array_equal(
                getattr(member, "n_classes_", 1), getattr(ensemble, "n_classes_", 1)
            )
            _require(same, "a tree has other classes than its model")
    if not isinstance(ensemble, BaseForest):
        rounds = (len(members), ensemble.n_trees_per_iteration_)
        _require(members.shape == rounds, "a round has too many trees, or too few")


def _check_histogram_tree(tree: TreePredictor) -> None:
    names = {"nodes", "raw_left_cat_bitsets", "binned_left_cat_bitsets"}
    _require(vars(tree).keys() == names, "a tree has other attributes")
    nodes = tree.nodes
    _require(type(nodes) is np.ndarray and nodes.ndim == 1, "the nodes are no array")
    _require(nodes.dtype == PREDICTOR_RECORD_DTYPE, "the nodes have another type")
    _require(len(nodes) > 0, "a tree has no nodes")
    for bitsets in (tree.raw_left_cat_bitsets, tree.binned_left_cat_bitsets):
        _require(type(bitsets) is np.ndarray, "the categories are no array")
        _require(bitsets.dtype == np.uint32, "the categories have another type")
        _require(bitsets.ndim == 2 and bitsets.shape[1] == BITSET, "categories are missing")
    splits = nodes["is_leaf"] == 0
    categorical = nodes[splits & (nodes["is_categorical"] != 0)]
    n_bitsets = min(len(tree.raw_left_cat_bitsets), len(tree.binned_left_cat_bitsets))
    _require((categorical["bitset_idx"] < n_bitsets).all(), "the categories of a node are missing")


def _check_histogram_boosting(model: BaseHistGradientBoosting) -> None:
    width = _width(model)
    known = model._bin_mapper.is_categorical_
    _require(type(known) is np.ndarray and known.dtype.kind in "bu", "the features are no flags")
    _require(known.shape == (width,), "the features are not as many as the columns")
    for trees in model._predictors:
        _require(len(trees) == model.n_trees_per_iteration_, "a round lacks trees")
        for tree in trees:
            _require(isinstance(tree, TreePredictor), "a member is no tree")
            _check_histogram_tree(tree)
            nodes = tree.nodes
            splits = nodes["is_leaf"] == 0
            _check_splits(splits, nodes["left"], nodes["right"], nodes["feature_idx"], width)
            categorical = nodes["feature_idx"][splits & (nodes["is_categorical"] != 0)]
            _require(known[categorical].all(), "a feature is not categorical")


def _check_outcome(part: Any) -> None:
    """Check the shape of what a part gives where only the shape of its inputs is checked."""
    if isinstance(part, BaseHistGradientBoosting) and part._preprocessor is not None:
        encoded = part._preprocessor.transform(_known_row(part))
        _require(encoded.shape == (1, _width(part)), "a column is lost before the trees")
    elif isinstance(part, BOOSTING) and hasattr(part, "estimators_"):
        first = part._raw_predict_init(np.zeros((1, _width(part)), dtype="float32"))
        _require(first.shape == (1, part.n_trees_per_iteration_), "the first guess is too short")


def _known_row(model: BaseHistGradientBoosting) -> pd.DataFrame:
    """Build a row, of categories that were seen in the fit."""
    categories = iter(model._preprocessor.named_transformers_["encoder"].categories_)
    names = getattr(model, "feature_names_in_", range(_width(model)))
    flags = zip(names, model.is_categorical_, strict=True)
    return pd.DataFrame({name: [next(categories)[0] if flag else 0.0] for name, flag in flags})


def _width(estimator: Any) -> int:
    """Tell how many columns an estimator takes; one that does not say takes any number of them."""
    width = estimator.n_features_in_
    _require(isinstance(width, int | np.integer), "the number of columns is no number")
    return int(width)
