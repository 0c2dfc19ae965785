"""Forged files: each is shown to run code under a reader that trusts it, and is refused here, not run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn import decomposition, impute, kernel_approximation, preprocessing, random_projection
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from anomaly_vae import ModelFileError, load, save
from anomaly_vae.model_file import tree
from anomaly_vae.model_file.contents import read_model_tree
from anomaly_vae.model_file.rebuild import rebuild_step
from anomaly_vae.model_file.steps import catalogue
from anomaly_vae.model_file.writing import dump
from tests.anomaly_vae import forging
from tests.anomaly_vae.forging import Node, arguments, attributes, mapping, node, sequence, value

SYSTEM = "posix.system"
INTEGERS = np.random.default_rng(3).integers(0, 3, (120, 2)).astype(float)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.avae"


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def reduced(name: str, command: str) -> Node:
    return node("ConstructorFromReduceNode", name, content=arguments(value(command)))


def operator_call(command: str) -> Node:
    return node("OperatorFuncNode", "operator.call", attrs=arguments(function(), value(command)))


def loss(command: str) -> Node:
    reduce = {"args": arguments(value(command))}
    return node("LossNode", SYSTEM, __reduce__=reduce, content=mapping())


def function() -> Node:
    return node("FunctionNode", SYSTEM)


def keyed(command: str) -> Node:
    """A dict whose keys are made by calling a function with them."""
    return node(
        "DictNode",
        "builtins.dict",
        content={command: value(1)},
        key_types=sequence(node("TypeNode", SYSTEM)),
    )


def listed(command: str, loader: str) -> Node:
    return sequence(*(value(word) for word in command.split()), loader=loader, name="subprocess.call")


LIVE: dict[str, Callable[[str], Node]] = {
    "constructor": lambda command: reduced(SYSTEM, command),
    "operator": operator_call,
    "loss": loss,
    "dict keys": keyed,
    "list class": lambda command: listed(command, "ListNode"),
    "set class": lambda command: listed(command, "SetNode"),
}


class TestCodeInAFile:
    @pytest.mark.parametrize("where", ["attribute", "step", "root"])
    @pytest.mark.parametrize("kind", LIVE)
    def test_code_is_refused_and_not_run(self, kind: str, where: str, path: Path) -> None:
        """The same file runs its command for a reader that trusts what it asks to be trusted."""
        marker = path.with_name("ran")

        def change(root: Node, _: Any) -> None:
            evil = LIVE[kind](f"touch {marker}")
            if where == "attribute":
                forging.add(root, "odd_", evil)
            elif where == "step":
                forging.add(root["content"]["content"]["steps"]["content"][0]["content"][1], "odd_", evil)
            else:
                root.update(evil)

        model = forging.detector() if where == "attribute" else forging.scaled()
        forging.forge(path, model, change)
        assert "which no model file may hold" in refusal(path)
        assert not marker.exists()
        load_naively(path)
        assert marker.exists()

    @pytest.mark.parametrize(
        "evil",
        [
            function(),
            node("TypeNode", SYSTEM),
            node("ObjectNode", SYSTEM, content=mapping()),
            node("ObjectNode", "subprocess.Popen", content=mapping(args=value("true"))),
            node("ObjectNode", "sklearn.tree._classes.DecisionTreeClassifier", content=mapping()),
            node("ObjectNode", "sklearn.feature_extraction.text.CountVectorizer", content=mapping()),
            node("ObjectNode", "sklearn.svm._classes.OneClassSVM", content=mapping()),
            node("MethodNode", "builtins.str", content={"func": "format", "obj": value("{}")}),
            node("OperatorFuncNode", "operator.methodcaller", attrs=arguments(value("fit"))),
            node(
                "PartialNode",
                "functools.partial",
                content={
                    "func": function(),
                    "args": arguments(value("true")),
                    "kwds": mapping(),
                    "namespace": value(None),
                },
            ),
            node("TreeNode", "sklearn.tree._tree.Tree", __reduce__={"args": arguments()}, content=mapping()),
            node("RandomStateNode", "numpy.random.mtrand.RandomState", content=mapping()),
            node("DefaultDictNode", "collections.defaultdict", content={}),
            node("BytesNode", "builtins.bytes", file="schema.json"),
            node("SparseMatrixNode", "scipy.sparse._csr.csr_matrix", type="scipy", file="schema.json"),
            node("CachedNode", "builtins.str"),
            node("NdArrayNode", "subprocess.call", type="numpy", file="schema.json"),
            node("TypeNode", "antigravity.fly"),
            node("NoSuchNode", "builtins.str"),
        ],
        ids=lambda evil: f"{evil['__loader__']} {evil['__class__']}",
    )
    def test_what_is_not_on_the_list_is_refused_by_name(self, evil: Node, path: Path) -> None:
        """Also what skops would trust, and what only prepares code for somebody to call."""
        forging.forge(path, forging.detector(), lambda root, _: forging.add(root, "odd_", evil))
        assert evil["__class__"] in refusal(path) or "random_state" in refusal(path)

    @pytest.mark.parametrize("protocol", [0, 1, 3, -1, True, 2.0, "2", None])
    def test_only_the_protocol_that_was_judged_is_read(self, protocol: object, path: Path) -> None:
        """An older number would choose an older reader, whose function names are kept elsewhere."""
        forging.forge(path, forging.detector(), lambda root, _: root.update(protocol=protocol))
        assert "skops protocol" in refusal(path)

    def test_a_list_of_trusted_types_in_a_file_is_not_heard(self, path: Path) -> None:
        """What a file says of trust is ignored."""

        def change(root: Node, _: Any) -> None:
            root["trusted"] = [SYSTEM]
            forging.add(root, "odd_", node("TypeNode", SYSTEM))

        forging.forge(path, forging.detector(), change)
        assert SYSTEM in refusal(path)

    def test_a_method_cannot_be_replaced(self, path: Path) -> None:
        """An attribute of the name of a method, or of what a notebook shows, is refused."""
        for name in ("transform", "_repr_html_", "__class__", "_doc_link_template"):

            def change(root: Node, _: Any, name: str = name) -> None:
                step = root["content"]["content"]["steps"]["content"][0]["content"][1]
                forging.add(step, name, node("FunctionNode", "numpy.log1p"))

            forging.forge(path, forging.scaled(), change)
            assert "would replace a part of StandardScaler" in refusal(path)

    def test_a_cache_of_pickles_is_refused(self, path: Path) -> None:
        """A Pipeline with a memory would read pickles there the next time it is fitted."""
        forging.forge(path, forging.scaled(), lambda root, _: attributes(root).update(memory=value("cache")))
        assert "names a cache of pickles" in refusal(path)


class TestMalformed:
    @pytest.mark.parametrize(
        ("evil", "reason"),
        [
            (node("JsonNode", "builtins.str", content="[1]"), "a plain value"),
            (mapping(a=value(1)) | {"key_types": sequence(value(1))}, "the keys of a dict"),
            (mapping(a=value(1)) | {"key_types": sequence()}, "the keys of a dict"),
            (mapping(a=value(1)) | {"key_types": arguments()}, "the keys of a dict"),
            (node("DTypeNode", "numpy.dtype", content=value(1)), "a dtype"),
            (node("NdArrayNode", "numpy.ndarray", type="scipy"), "an array"),
            (node("NdArrayNode", "numpy.float64", type="json", content=[], shape=arguments()), "an array"),
            (node("NdArrayNode", "numpy.float64", type="numpy", file="7.npy"), "a single numpy.float64"),
            (node("SliceNode", "builtins.slice", content={"start": [], "stop": 1, "step": 1}), "a slice"),
            (node("SliceNode", "builtins.slice", content={"start": 1}), "a slice"),
            (node("ObjectNode", "sklearn.pipeline.Pipeline", content=sequence()), "the state of"),
            (node("ObjectNode", "sklearn.pipeline.Pipeline"), "field content"),
            (node("ListNode", "builtins.list", content={}), "field content"),
            (sequence(1), "a node"),  # type: ignore[arg-type]
            ({}, "field __loader__"),
        ],
    )
    def test_what_skops_would_not_have_written_is_refused(self, evil: Node, reason: str, path: Path) -> None:
        """A node of the right name and another build is no node."""

        def change(root: Node, members: forging.Members) -> None:
            members["7.npy"] = forging.npy(np.zeros(2))
            forging.add(root, "odd_", evil)

        forging.forge(path, forging.detector(), change)
        assert reason in refusal(path)


class TestIdentities:
    """skops reads a node once and puts it wherever its id appears again; here an id has no meaning."""

    def test_a_node_with_the_id_of_another_is_read_as_it_is(self, path: Path) -> None:
        """A value that was checked cannot be swapped for another by its id."""

        def change(root: Node, _: Any) -> None:
            content = attributes(root)
            content["verbose"]["__id__"] = content["hidden_sizes"]["__id__"]

        model = load(forging.forge(path, forging.detector(), change))
        assert (model.verbose, model.hidden_sizes) == (0, (96, 96))

    def test_aliases_do_not_multiply(self, path: Path) -> None:
        """Lists that repeat the id of a large one are as small as they are written."""

        def change(root: Node, _: Any) -> None:
            item = value(1)
            for _ in range(40):
                item = sequence(item, *(sequence() | {"__id__": item["__id__"]} for _ in range(7)))
            forging.add(root, "odd_", item)

        forging.forge(path, forging.detector(), change)
        assert "'odd_' of 'detector' is unknown" in refusal(path)


class TestBounds:
    def test_deep_and_many_nodes_are_refused(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither the stack nor the memory of the reader is the file's to choose."""

        def deep(root: Node, _: Any) -> None:
            item = value(1)
            for _ in range(100):
                item = sequence(item)
            forging.add(root, "odd_", item)

        forging.forge(path, forging.detector(), deep)
        assert "nested deeper than" in refusal(path)
        forging.put(path, forging.detector())
        monkeypatch.setattr(tree, "_MAX_NODES", 10)
        assert "over 10 nodes" in refusal(path)

    def test_a_list_hidden_in_a_plain_value_is_not_parsed(self, path: Path) -> None:
        """Written in escapes, its brackets are not counted where the memory is estimated."""
        evil = node("JsonNode", "builtins.str", content=" [" + "[1]," * 100_000 + "0]")
        forging.forge(path, forging.detector(), lambda root, _: forging.add(root, "odd_", evil))
        assert "a plain value" in refusal(path)

    def test_an_array_that_many_nodes_name_is_refused(self, path: Path) -> None:
        """A thousand nodes cannot each take a copy of one large array."""

        def change(root: Node, members: forging.Members) -> None:
            members["7.npy"] = forging.npy(np.zeros(100_000))
            nodes = [node("NdArrayNode", "numpy.ndarray", type="numpy", file="7.npy") for _ in range(40)]
            forging.add(root, "odd_", sequence(*nodes))

        forging.forge(path, forging.detector(), change)
        assert "more nodes than a fitted model has" in refusal(path)

    def test_a_missing_array_is_refused(self, path: Path) -> None:
        """By the name of the member."""

        def change(root: Node, members: dict[str, bytes]) -> None:
            del members[attributes(root)["calibration_scores_"]["file"]]

        forging.forge(path, forging.detector(), change)
        assert "is missing" in refusal(path)

    @pytest.mark.parametrize("file", ["schema.json", "metadata.json", "../../etc/passwd", 3])
    def test_an_array_is_an_array(self, file: object, path: Path) -> None:
        """No other member, and no file outside, is read as one."""
        forging.forge(
            path,
            forging.detector(),
            lambda root, _: attributes(root)["calibration_scores_"].update(file=file),
        )
        refusal(path)


class TestAllowed:
    @pytest.mark.parametrize(
        "step",
        [
            preprocessing.Binarizer(),
            preprocessing.FunctionTransformer(np.arcsinh, feature_names_out="one-to-one"),
            preprocessing.KBinsDiscretizer(3, strategy="uniform", encode="onehot-dense"),
            preprocessing.MaxAbsScaler(),
            preprocessing.MinMaxScaler(),
            preprocessing.Normalizer(),
            preprocessing.OneHotEncoder(sparse_output=False),
            preprocessing.OneHotEncoder(sparse_output=False, max_categories=4, drop="first"),
            preprocessing.OrdinalEncoder(),
            preprocessing.PolynomialFeatures(),
            preprocessing.PowerTransformer(),
            preprocessing.QuantileTransformer(n_quantiles=10),
            preprocessing.RobustScaler(),
            preprocessing.StandardScaler(),
            impute.MissingIndicator(features="all"),
            impute.KNNImputer(),
            impute.SimpleImputer(add_indicator=True),
            decomposition.FactorAnalysis(2),
            decomposition.FastICA(2, random_state=0),
            decomposition.IncrementalPCA(2),
            decomposition.PCA(2),
            decomposition.TruncatedSVD(2),
            random_projection.GaussianRandomProjection(2, random_state=0),
            kernel_approximation.Nystroem(n_components=3, random_state=0),
            kernel_approximation.RBFSampler(n_components=3, random_state=0),
            VarianceThreshold(),
            FeatureUnion([("a", preprocessing.StandardScaler()), ("b", decomposition.PCA(1))]),
            make_pipeline(preprocessing.StandardScaler(), "passthrough"),
        ],
        ids=lambda step: type(step).__name__,
    )
    def test_the_transformers_on_the_list_come_back_whole(self, step: BaseEstimator, path: Path) -> None:
        """Each gives the same output bit for bit after the round trip."""
        X = forging.numbers().round(1)
        step.set_output(transform="pandas").fit(X)
        detector = forging.untrained().fit(step.transform(X))
        save(Pipeline([("step", step), ("detector", detector)]), path)
        again = load(path).steps[0][1]
        pd.testing.assert_frame_equal(again.transform(X), step.transform(X), check_exact=True)

    @pytest.mark.parametrize(
        ("step", "rows"),
        [
            (preprocessing.OrdinalEncoder(max_categories=2), np.array([1.0, 2.0, np.nan] * 40)[:, None]),
            (preprocessing.OneHotEncoder(drop=[1.0, 2.0], dtype="int32", sparse_output=False), INTEGERS),
            (preprocessing.OneHotEncoder(categories=[(0, 1, 2), [0, 1, 2]], sparse_output=False), INTEGERS),
            (preprocessing.OneHotEncoder(dtype=bool, sparse_output=False), INTEGERS),
            (preprocessing.KBinsDiscretizer([2, 3], encode="ordinal", strategy="uniform"), INTEGERS),
            (preprocessing.PolynomialFeatures(degree=[2, 3]), INTEGERS),
            (impute.SimpleImputer(strategy="constant"), np.where(np.arange(2) == 1, np.nan, INTEGERS)),
            (random_projection.GaussianRandomProjection(eps=0.99, random_state=0), np.ones((120, 400))),
            (decomposition.FactorAnalysis(1, noise_variance_init=[1.0, 1.0]), INTEGERS),
            (decomposition.FastICA(1, w_init=[[1.0]], random_state=0), INTEGERS),
            (ColumnTransformer([("s", preprocessing.StandardScaler(), [-1])]), INTEGERS),
            (ColumnTransformer([("s", preprocessing.StandardScaler(), (0, 1))]), INTEGERS),
        ],
        ids=lambda value: "" if isinstance(value, np.ndarray) else str(value).replace("\n", " ")[:60],
    )
    @pytest.mark.filterwarnings("ignore")
    def test_options_in_other_forms_come_back_too(self, step: Any, rows: Any, path: Path) -> None:
        """Lists and tuples where arrays are usual, defaults that fit leaves, and columns that are dropped."""
        model = make_pipeline(step, forging.untrained()).fit(rows)
        save(model, path)
        np.testing.assert_array_equal(load(path).score_samples(rows), model.score_samples(rows))

    def test_every_name_on_the_list_exists_and_is_tried(self) -> None:
        """A class that scikit-learn moved would be refused without anybody noticing."""
        tried = {
            name
            for mark in TestAllowed.test_the_transformers_on_the_list_come_back_whole.pytestmark  # type: ignore[attr-defined]
            for step in mark.args[1]
            for name in [f"{type(step).__module__}.{type(step).__qualname__}"]
        }
        apart = {
            "sklearn.compose._column_transformer.ColumnTransformer",
            "sklearn.compose._column_transformer.make_column_selector",
        }
        assert tried | apart == set(catalogue.CLASSES)

    def test_column_selectors_and_data_frames_work(self, path: Path) -> None:
        """The usual recipe for a mixed table is saved as it stands."""
        columns = ColumnTransformer(
            [
                ("n", preprocessing.StandardScaler(), make_column_selector(dtype_include=np.number)),
                ("c", preprocessing.OneHotEncoder(), make_column_selector(dtype_exclude=np.number)),
            ],
            remainder="passthrough",
            sparse_threshold=0,
        ).set_output(transform="default")
        X = forging.table()
        save(make_pipeline(columns, forging.untrained()).fit(X), path)
        again = load(path)
        np.testing.assert_array_equal(again[:-1].transform(X), columns.transform(X))


def load_naively(path: Path) -> None:
    """Load as somebody does who hands a file's own list of types back as trusted."""
    content = forging.read(path)
    del content["metadata.json"]
    data = forging.zipped(content)
    try:
        skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    except Exception:
        return  # the command has run; that the object is of no use afterwards is not its maker's concern


def stated(step: BaseEstimator, **parameters: Any) -> tree.Described:
    """A fitted step as a file of another release of scikit-learn states it."""
    described = read_model_tree(dump(step))
    return tree.Described(described.name, {**described.state, **parameters})


@pytest.mark.parametrize("value", [True, False])
def test_a_parameter_that_only_fit_reads_may_be_unknown_here(value: object) -> None:
    """`force_int_remainder_cols` came with scikit-learn 1.5 and went with 1.9."""
    step = ColumnTransformer([("s", preprocessing.StandardScaler(), [0])], remainder="passthrough").fit(
        INTEGERS
    )
    built = rebuild_step(stated(step, force_int_remainder_cols=value))
    np.testing.assert_array_equal(built.transform(INTEGERS), step.transform(INTEGERS))


def test_an_unknown_parameter_that_matters_is_refused() -> None:
    """With its name."""
    step = preprocessing.MinMaxScaler().fit(INTEGERS)
    with pytest.raises(ModelFileError, match="attribute 'bend', which no MinMaxScaler has"):
        rebuild_step(stated(step, bend=True))
    columns = ColumnTransformer([("s", preprocessing.StandardScaler(), [0])]).fit(INTEGERS)
    with pytest.raises(ModelFileError, match="force_int_remainder_cols"):
        rebuild_step(stated(columns, force_int_remainder_cols="always"))
