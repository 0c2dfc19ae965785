"""Forgeries that might break a release: states that no fit gives, but that have valid types."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.anomaly_vae.forging import Node, add, arguments, mapping, node, sequence, value, zipped
from tests.forgeries.known import far_encoder
from tests.forgeries.making import (
    Tree,
    architecture,
    array,
    array_of,
    ensemble,
    forgery,
    instance,
    last,
    member,
    model,
    readers,
    step,
)
from tests.forgeries.models import samples
from tests.forgeries.states import objects

PASS = "passthrough"
NAN, INF = float("nan"), float("inf")
LONG = "x" * 5_000
ESCAPE = "\x1b[2J\x1b[31mnormal\n"


def put(tree: Tree, place: int, found: Node) -> None:
    """Put a step into a Pipeline, before the one that stands there."""
    steps = tree.root["content"]["content"]["steps"]["content"]
    steps.insert(place, arguments(value(f"s{len(steps)}"), found))


def union(*parts: Node, **state: Node) -> Node:
    """A FeatureUnion of parts."""
    pairs = (arguments(value(f"p{i}"), part) for i, part in enumerate(parts))
    defaults = {"n_jobs": value(None), "transformer_weights": value(None), "verbose": value(False)}
    names = value(True)
    return instance(
        "pipeline.FeatureUnion",
        transformer_list=sequence(*pairs),
        verbose_feature_names_out=names,
        **defaults,
    )


def pipeline(*steps: Node) -> Node:
    """A Pipeline of steps."""
    pairs = (arguments(value(f"s{i}"), part) for i, part in enumerate(steps))
    none = {"memory": value(None), "transform_input": value(None), "verbose": value(False)}
    return instance("pipeline.Pipeline", steps=sequence(*pairs), **none)


def function(name: str, **arguments: Any) -> Node:
    """A FunctionTransformer with keyword arguments for its function."""
    kwargs = {key: item if isinstance(item, dict) else value(item) for key, item in arguments.items()}
    return instance(
        "preprocessing._function_transformer.FunctionTransformer",
        func=node("FunctionNode", f"numpy.{name}"),
        inverse_func=value(None),
        validate=value(False),
        accept_sparse=value(False),
        check_inverse=value(False),
        feature_names_out=value(None),
        kw_args=mapping(**kwargs),
        inv_kw_args=value(None),
    )


OBJECT = node("TypeNode", "numpy.object_")


# ---------------------------------------- memory and time out of small files
@forgery("unions that double the width forty times", "passthrough")
def _(tree: Tree) -> None:
    for _ in range(40):
        put(tree, 0, union(value(PASS), value(PASS)))


@forgery("unions inside unions", "passthrough")
def _(tree: Tree) -> None:
    inner = step_of()
    for _ in range(9):
        shell = {**inner, "content": mapping()}
        inner = union(inner, *[shell] * 7)
    put(tree, 0, inner)


@forgery("Pipelines inside Pipelines", "passthrough")
def _(tree: Tree) -> None:
    inner = step_of()
    for _ in range(9):
        inner = pipeline(inner, inner)
    put(tree, 0, inner)


@forgery("Pipelines of one step each, nested", "passthrough")
def _(tree: Tree) -> None:
    inner = step_of()
    for _ in range(14):
        inner = pipeline(inner)
    put(tree, 0, inner)


def step_of() -> Node:
    """A transformer that needs no state."""
    return function("tanh")


@forgery("columns chosen a million times", "ColumnTransformer of a list")
def _(tree: Tree) -> None:
    many = array(tree, np.zeros(10**7, dtype=np.int8))
    for name in ("transformers_", "transformers"):
        for triple in step(tree)[name]["content"][:1]:
            triple["content"][2] = many
    put(tree, 1, instance("decomposition._truncated_svd.TruncatedSVD", components_=value(1)))


@forgery("FactorAnalysis of more factors than columns", "FactorAnalysis")
def _(tree: Tree) -> None:
    state = step(tree)
    state["components_"] = array(tree, np.ones((20_000, 4)))


@forgery("powers of powers", "PolynomialFeatures")
def _(tree: Tree) -> None:
    first = step(tree)
    first.update(_n_out_full=value(46_376), n_output_features_=value(46_375), _max_degree=value(30))
    second = instance(
        "preprocessing._polynomial.PolynomialFeatures",
        **{name: found for name, found in first.items() if name not in ("_max_degree", "n_features_in_")},
        n_features_in_=value(46_375),
        _max_degree=value(2),
    )
    second["content"]["content"] |= {
        "_n_out_full": value(1_075_387_876),
        "n_output_features_": value(1_075_387_875),
    }
    put(tree, 1, second)


@forgery("powers of degree 2 ** 33", "PolynomialFeatures")
def _(tree: Tree) -> None:
    step(tree).update(_max_degree=value(2**33), degree=value(2**33), interaction_only=value(True))


@forgery("names that double at each step", "ColumnTransformer")
def _(tree: Tree) -> None:
    steps = tree.root["content"]["content"]["steps"]["content"]
    found = steps[0]["content"][1]
    found["content"]["content"]["verbose_feature_names_out"] = value("{feature_name}{feature_name}")
    found["content"]["content"]["_sklearn_output_config"] = mapping(transform=value("pandas"))
    found["content"]["key_types"]["content"] = [
        node("TypeNode", "builtins.str") for _ in found["content"]["content"]
    ]
    for _ in range(40):
        put(tree, 0, found)


@forgery("five thousand steps", "passthrough")
def _(tree: Tree) -> None:
    for _ in range(5_000):
        put(tree, 0, step_of())


@forgery("whole numbers squared again and again", "passthrough")
def _(tree: Tree) -> None:
    for _ in range(36):
        put(tree, 0, function("square", dtype=OBJECT))
    put(tree, 0, function("floor", dtype=OBJECT))
    put(tree, 0, function("exp"))
    put(tree, 0, function("exp"))


@forgery("five hundred members", "numbers")
def _(tree: Tree) -> None:
    members = ensemble(tree)
    members["content"] = members["content"] * 500
    for found in members["content"]:
        found["content"]["weight"] = value(1.0 / len(members["content"]))


@forgery("a wide layer between two numbers", "numbers")
def _(tree: Tree) -> None:
    wide, held = 1_000_000, member(tree)["weights"]["content"]
    architecture(tree)["hidden_sizes"] = arguments(value(wide))
    for side in ("encoder", "decoder"):
        inputs = array_of(tree, held[f"{side}.residual.0.weight"]).shape[1]
        outputs = array_of(tree, held[f"{side}.residual.2.weight"]).shape[0]
        held[f"{side}.residual.0.weight"] = array(tree, np.zeros((wide, inputs), dtype=np.int8))
        held[f"{side}.residual.0.bias"] = array(tree, np.zeros(wide, dtype=np.int8))
        held[f"{side}.residual.2.weight"] = array(tree, np.zeros((outputs, wide), dtype=np.int8))


@forgery("a thousand levels of an image", "grey")
def _(tree: Tree) -> None:
    levels, calibration = model(tree)["levels"], model(tree)["calibration"]
    first = levels["content"][-1]
    levels["content"] += [first] * 1_000
    calibration["content"] = [calibration["content"][0]] * 1_000 + calibration["content"]


@forgery("16 MB of empty lists in the metadata", "numbers")
def _(tree: Tree) -> bytes:
    text = json.dumps(tree.metadata)[:-1] + ', "junk": [' + "[]," * (5 * 2**20) + "0]}"
    return zipped(tree.members | {"metadata.json": text.encode()})


@forgery("a million readers", "mixed")
def _(tree: Tree) -> None:
    readers(tree, lambda found: [{"reader": "NumberReader", "name": "x"}] * 500_000)


@forgery("readers nested deep", "mixed")
def _(tree: Tree) -> None:
    model(tree)["encoder"]["content"]["readers"] = value("[" * 1_000_000)


@forgery("a category of every number", "mixed")
def _(tree: Tree) -> None:
    categories = model(tree)["encoder"]["content"]["categories"]["content"]
    categories["widths"] = array(tree, np.full(3, 2**31))


@forgery("two billion exemplars", "numbers")
def _(tree: Tree) -> None:
    architecture(tree)["n_exemplars"] = value(2 * 10**9)


@forgery("a latent space of 2 ** 40", "numbers")
def _(tree: Tree) -> None:
    architecture(tree)["latent_dim"] = value(2**40)


@forgery("every key of a dict is a moment", "numbers")
def _(tree: Tree) -> None:
    training = last(tree)["training_"]
    training["content"]["1" * 100_000] = value(1)
    training["key_types"]["content"].append(node("TypeNode", "builtins.int"))


def with_empty_members(tree: Tree, n_members: int) -> bytes:
    return zipped(tree.members | {f"{10**6 + i}.npy": b"" for i in range(n_members)})


@forgery("100,000 empty members", "numbers", refused=True)
def _(tree: Tree) -> bytes:
    return with_empty_members(tree, 99_000)


@forgery("almost as many empty members as are read", "numbers")
def _(tree: Tree) -> bytes:
    return with_empty_members(tree, 19_000)


@forgery("a regex that never ends", "columns")
def _(tree: Tree) -> None:
    for name in ("transformers", "transformers_"):
        selector = instance(
            "compose._column_transformer.make_column_selector",
            pattern=value("(x+x+)+y"),
            dtype_include=value(None),
            dtype_exclude=value(None),
        )
        step(tree)[name]["content"][0]["content"][2] = selector


# ---------------------------------------- memory that is not the file's, and crashes
@forgery("memory that was never written", "passthrough", refused=True)
def _(tree: Tree) -> None:
    put(tree, 0, function("log1p", where=False))


@forgery("a function that writes into its constant", "passthrough", refused=True)
def _(tree: Tree) -> None:
    out = array(tree, np.zeros((4, 4)))
    put(tree, 0, function("exp", out=out))


@forgery("a function with dtype object", "passthrough")
def _(tree: Tree) -> None:
    put(tree, 0, function("exp", dtype=OBJECT))


@forgery("a function with a signature", "passthrough")
def _(tree: Tree) -> None:
    put(tree, 0, function("exp", signature="O->O", casting="unsafe", order="F"))


@forgery("encoder in an array in a list", "columns", refused=True)
def _(tree: Tree) -> None:
    transformers = step(tree)["transformers_"]["content"]
    far_encoder(transformers[1]["content"][1])
    transformers[1] = objects(transformers[1]["content"])


@forgery("encoder in an array of a chain", "columns", refused=True)
def _(tree: Tree) -> None:
    encoder = step(tree)["transformers_"]["content"][1]["content"]
    far_encoder(encoder[1])
    inner = pipeline(encoder[1])
    steps = inner["content"]["content"]["steps"]
    inner["content"]["content"]["steps"] = objects(steps["content"])
    encoder[1] = inner


@forgery("encoder whose categories are objects of arrays", "columns")
def _(tree: Tree) -> None:
    encoder = step(tree)["transformers_"]["content"][1]["content"][1]["content"]["content"]
    encoder["_n_features_outs"] = sequence(value(1.5))
    encoder["dtype"] = OBJECT


@forgery("encoder with a width of NaN", "columns")
def _(tree: Tree) -> None:
    encoder = step(tree)["transformers_"]["content"][1]["content"][1]["content"]["content"]
    encoder["_n_features_outs"] = sequence(value(NAN))


@forgery("encoder with sparse output", "columns")
def _(tree: Tree) -> None:
    encoder = step(tree)["transformers_"]["content"][1]["content"][1]["content"]["content"]
    encoder["sparse_output"] = value(True)


@forgery("encoder that drops far away", "columns")
def _(tree: Tree) -> None:
    encoder = step(tree)["transformers_"]["content"][2]["content"][1]["content"]["content"]
    encoder["_drop_idx_after_grouping"] = objects([value(10**9)])


@forgery("bins whose edges fall", "KBinsDiscretizer", refused=True)
def _(tree: Tree) -> None:
    edges = [array(tree, np.array([3.0, NAN, 1.0, -INF])) for _ in range(4)]
    step(tree)["bin_edges_"] = objects(edges)


@forgery("bins with an encoder that maps far", "chain")
def _(tree: Tree) -> None:
    bins = step(tree, 5)["transformer_list"]["content"][1]["content"][1]["content"]["content"]
    far_encoder(bins["_encoder"])
    bins["_encoder"] = objects([bins["_encoder"]])


@forgery("neighbours by their thousands", "KNNImputer")
def _(tree: Tree) -> None:
    step(tree)["n_neighbors"] = value(10**9)


@forgery("neighbours of no rows", "KNNImputer")
def _(tree: Tree) -> None:
    step(tree)["_fit_X"] = array(tree, np.zeros((0, 4)))
    step(tree)["_mask_fit_X"] = array(tree, np.zeros((0, 4), dtype=bool))


@forgery("a union with jobs of its own kernel", "Nystroem")
def _(tree: Tree) -> None:
    step(tree)["n_jobs"] = value(6)


@forgery("a kernel that overflows", "Nystroem")
def _(tree: Tree) -> None:
    step(tree)["gamma"] = value(-1e308)


@forgery("a kernel of another name", "Nystroem")
def _(tree: Tree) -> None:
    step(tree)["kernel"] = value("chi2")


# ---------------------------------------- scores that are not finite, or wrong
def extreme(name: str, sample: str, place: Any, content: Any, *, refused: bool = False) -> None:
    """A forgery that puts one extreme value into an array or a plain value of the detector."""

    @forgery(name, sample, refused=refused)
    def change(tree: Tree) -> None:
        owner, key = place(tree)
        if owner[key]["__loader__"] != "NdArrayNode":
            owner[key] = value(content)
            return
        values = np.array(array_of(tree, owner[key]))
        values.reshape(-1)[0] = content
        owner[key] = array(tree, values)


def numeric(key: str) -> Any:
    return lambda tree: (model(tree)["encoder"]["content"]["numeric"]["content"], key)


def weights(key: str) -> Any:
    return lambda tree: (member(tree)["weights"]["content"], key)


def parameter(key: str) -> Any:
    return lambda tree: (architecture(tree), key)


def image(key: str) -> Any:
    return lambda tree: (model(tree), key)


def level(key: str) -> Any:
    return lambda tree: (model(tree)["levels"]["content"][0]["content"], key)


for _key, _content in (("center", 1e308), ("scale", 5e-324), ("unit", 0.0), ("unit", -1.0), ("low", NAN)):
    extreme(f"numbers with {_key} {_content}", "numbers", numeric(_key), _content, refused=_key == "unit")
for _key, _content in (
    ("decoder.bias", 3e38),
    ("encoder.bias", 3e38),
    ("likelihood.log_noise", -3e38),
    ("likelihood.log_noise", 3e38),
    ("decoder.weight", 3e38),
):
    extreme(f"weights with {_key} {_content}", "numbers", weights(_key), _content)
for _key, _content in (
    ("noise_floor", 1e-320),
    ("noise_floor", -1.0),
    ("noise_floor", 1e308),
    ("n_rows", 0),
    ("n_rows", -5),
    ("n_rows", 2**70),
    ("degrees_of_freedom", 1e308),
    ("degrees_of_freedom", 1.0),
):
    name = f"architecture with {_key} {_content}"
    extreme(name, "contaminated", parameter(_key), _content, refused=_content in (-1.0, 0, -5))
for _key, _content in (("shape_scale", 1e-320), ("shape_scale", 1e308), ("excess_latent", 1e308)):
    extreme(f"images with {_key} {_content}", "grey", image(_key), _content)
for _key, _content in (("excess", 3e38), ("shape_centre", 3e38)):
    extreme(f"images with {_key} {_content}", "grey", image(_key), _content)
for _key, _content in (("typical_error", 0.0), ("typical_error", 1e308), ("centre", 3e38), ("spread", 3e38)):
    extreme(f"level with {_key} {_content}", "grey", level(_key), _content)


def set_reader(tree: Tree, kind: str, key: str, content: Callable[[dict[str, Any]], Any]) -> None:
    """Set one value of the readers of a kind."""

    def change(found: list[dict[str, Any]]) -> None:
        for reader in found:
            if reader["reader"] == kind:
                reader[key] = content(reader)

    readers(tree, change)


@forgery("frequencies above one", "mixed", refused=True)
def _(tree: Tree) -> None:
    categories = model(tree)["encoder"]["content"]["categories"]["content"]
    n_cells = array_of(tree, categories["frequencies"]).size
    categories["frequencies"] = array(tree, np.full(n_cells, 50.0))


@forgery("surprises of no scale", "grey", refused=True)
def _(tree: Tree) -> None:
    for pair in model(tree)["calibration"]["content"]:
        pair["content"][1] = value(5e-324)


@forgery("black and white an infinity apart", "grey")
def _(tree: Tree) -> None:
    ends = sequence(value(-1e308), value(1e308))
    model(tree)["pixel_range"] = ends
    last(tree)["pixel_range_"] = arguments(*ends["content"])


@forgery("black and white nothing apart", "grey")
def _(tree: Tree) -> None:
    ends = sequence(value(0.0), value(5e-324))
    model(tree)["pixel_range"] = ends
    last(tree)["pixel_range_"] = arguments(*ends["content"])


@forgery("categories twice", "mixed")
def _(tree: Tree) -> None:
    set_reader(tree, "CategoryReader", "categories", lambda reader: ["red"] * len(reader["categories"]))


@forgery("categories that are lists", "mixed")
def _(tree: Tree) -> None:
    set_reader(tree, "CategoryReader", "categories", lambda reader: [[1]] * len(reader["categories"]))


@forgery("categories that are numbers", "mixed", refused=True)
def _(tree: Tree) -> None:
    set_reader(tree, "CategoryReader", "categories", lambda reader: list(range(len(reader["categories"]))))


@forgery("a week far away", "mixed")
def _(tree: Tree) -> None:
    set_reader(tree, "DatetimeReader", "week", lambda reader: 1e300)


@forgery("a week that is text", "mixed")
def _(tree: Tree) -> None:
    set_reader(tree, "DatetimeReader", "week", lambda reader: "Monday")


@forgery("a constant of a list", "mixed")
def _(tree: Tree) -> None:
    set_reader(tree, "ConstantReader", "value", lambda reader: [1, 2])


@forgery("readers of other names than the columns", "mixed", refused=True)
def _(tree: Tree) -> None:
    def change(found: list[dict[str, Any]]) -> None:
        found[0]["name"], found[1]["name"] = found[1]["name"], found[0]["name"]

    readers(tree, change)


@forgery("columns of names of 5,000 letters", "mixed")
def _(tree: Tree) -> None:
    def change(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        renamed = [{**reader, "name": f"{LONG}{i}"} for i, reader in enumerate(found)]
        renamed[2] = {"reader": "BooleanReader", "name": LONG}
        return renamed

    readers(tree, change)


@forgery("falling calibration scores in bytes", "numbers", refused=True)
def _(tree: Tree) -> None:
    last(tree)["calibration_scores_"] = array(tree, np.arange(20, dtype=np.uint8)[::-1].copy())


@forgery("a rate of 500 percent", "numbers", refused=True)
def _(tree: Tree) -> None:
    last(tree)["false_alarm_rate_"], last(tree)["tail_"] = value(5.0), value("empirical")


@forgery("training that is anything", "numbers")
def _(tree: Tree) -> None:
    training = last(tree)["training_"]
    training["content"] |= {"n_rows": value(ESCAPE), "elbo_train": value(NAN), "seconds": array(tree, [1.0])}


@forgery("a history that is anything", "numbers", refused=True)
def _(tree: Tree) -> None:
    last(tree)["history_"] = sequence(value(1))


# ---------------------------------------- objects that are not steps
@forgery("a detector in the middle", "StandardScaler")
def _(tree: Tree) -> None:
    put(tree, 1, tree.root["content"]["content"]["steps"]["content"][-1]["content"][1])


@forgery("a step that was never fitted", "StandardScaler")
def _(tree: Tree) -> None:
    put(tree, 1, instance("preprocessing._data.StandardScaler"))


@forgery("a step without a state", "passthrough")
def _(tree: Tree) -> None:
    put(tree, 0, instance("preprocessing._data.QuantileTransformer"))


@forgery("output as polars", "StandardScaler")
def _(tree: Tree) -> None:
    add(tree.root["content"]["content"]["steps"]["content"][0]["content"][1], "_sklearn_output_config",
        mapping(transform=value("polars")))  # fmt: skip


@forgery("a scale of text", "StandardScaler")
def _(tree: Tree) -> None:
    step(tree)["scale_"] = array(tree, np.array(["a", "b", "c", "d"]))


@forgery("a scale of time spans", "StandardScaler", refused=True)
def _(tree: Tree) -> None:
    step(tree)["scale_"] = array(tree, np.array([1, 2, 3, 4], dtype="m8[s]"))


@forgery("a scale of nothing", "StandardScaler", refused=True)
def _(tree: Tree) -> None:
    step(tree)["scale_"] = array(tree, np.array([0.0, 5e-324, NAN, INF]))


@forgery("a scale that spreads one row over many", "StandardScaler")
def _(tree: Tree) -> None:
    step(tree)["scale_"] = array(tree, np.ones((4, 1, 4)))
    step(tree)["mean_"] = array(tree, np.ones((4, 1, 4)))


@forgery("powers without end", "PowerTransformer")
def _(tree: Tree) -> None:
    step(tree)["lambdas_"] = array(tree, np.array([1e308, -1e308, NAN, 0.0]))


@forgery("quantiles that fall", "QuantileTransformer", refused=True)
def _(tree: Tree) -> None:
    step(tree)["quantiles_"] = array(tree, np.full((10, 4), NAN))


@forgery("components of 1e308", "PCA", refused=True)
def _(tree: Tree) -> None:
    step(tree)["components_"] = array(tree, np.full((4, 4), 1e308))


@forgery("whitening by nothing", "PCA")
def _(tree: Tree) -> None:
    step(tree)["explained_variance_"] = array(tree, np.array([0.0, -1.0, NAN, 5e-324]))


@forgery("statistics of text", "SimpleImputer")
def _(tree: Tree) -> None:
    step(tree)["statistics_"] = objects([value("x"), value(None), sequence(), value(2**70)])


@forgery("features of an indicator far away", "MissingIndicator")
def _(tree: Tree) -> None:
    step(tree)["features_"] = array(tree, np.array([0, 1, 2, 2**40]))


@forgery("no features left", "VarianceThreshold")
def _(tree: Tree) -> None:
    step(tree)["variances_"] = array(tree, np.zeros(4))


@forgery("an unknown norm", "Normalizer")
def _(tree: Tree) -> None:
    step(tree)["norm"] = value("l7")


@forgery("ordinals that map far", "OrdinalEncoder")
def _(tree: Tree) -> None:
    state = step(tree)
    state["_infrequent_enabled"] = value(True)
    state["_default_to_infrequent_mappings"] = sequence(*[sequence(value(2**33))] * 4)
    state["_infrequent_indices"] = sequence(*[array(tree, [10**9])] * 4)


@forgery("columns by a step of nothing", "ColumnTransformer")
def _(tree: Tree) -> None:
    found = step(tree)["transformers_"]["content"][0]["content"]
    found[2] = node("SliceNode", "builtins.slice", content={"start": None, "stop": None, "step": 0})


@forgery("weights of a union that are text", "FeatureUnion")
def _(tree: Tree) -> None:
    step(tree)["transformer_weights"] = mapping(a=value("x" * 100), b=value(10**9))


@forgery("a step whose name has lines", "StandardScaler")
def _(tree: Tree) -> None:
    tree.root["content"]["content"]["steps"]["content"][0]["content"][0] = value(ESCAPE * 100)
    step(tree)["mean_"] = array(tree, np.zeros(3))


# ---------------------------------------- errors of more than one line
@forgery("a version of several lines", "StandardScaler")
def _(tree: Tree) -> None:
    tree.metadata["versions"]["scikit-learn"] = "0.1\n\n\x1b[2J"


@forgery("a protocol of 5,000 letters", "numbers")
def _(tree: Tree) -> None:
    tree.root["protocol"] = LONG


@forgery("an id of 4,000 digits", "numbers")
def _(tree: Tree) -> None:
    state = last(tree)
    state["verbose"]["__id__"] = state["hidden_sizes"]["__id__"] = 10**4_000


@forgery("an array of a thousand axes", "numbers")
def _(tree: Tree) -> None:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({'1, ' * 3_000}), }}".encode()
    name = last(tree)["calibration_scores_"]["file"]
    tree.members[name] = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


@forgery("an array of a dtype of many fields", "numbers")
def _(tree: Tree) -> None:
    fields = ", ".join(f"('field{i}', '<f8')" for i in range(300))
    header = f"{{'descr': [{fields}], 'fortran_order': False, 'shape': (1,), }}".encode()
    name = last(tree)["calibration_scores_"]["file"]
    tree.members[name] = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


@forgery("a parameter of 5,000 letters", "numbers")
def _(tree: Tree) -> None:
    last(tree)["contamination"] = value(LONG)


@forgery("a device of several lines", "numbers")
def _(tree: Tree) -> None:
    last(tree)["device"] = value(ESCAPE)


@forgery("a format of the future's future", "numbers")
def _(tree: Tree) -> None:
    tree.metadata["format"] = 10**4_000


@forgery("categories that are moments", "columns")
def _(tree: Tree) -> None:
    encoder = step(tree)["transformers_"]["content"][1]["content"][1]["content"]["content"]
    width = len(encoder["categories_"]["content"][0]["content"])
    encoder["categories_"] = sequence(array(tree, np.arange(width).astype("M8[s]")))


@forgery("categories of every type", "columns")
def _(tree: Tree) -> None:
    encoder = step(tree)["transformers_"]["content"][1]["content"][1]["content"]["content"]
    width = len(encoder["categories_"]["content"][0]["content"])
    odd = [sequence(), mapping(), value(2**70), value(NAN), value(None), value("red"), value(True)]
    encoder["categories_"] = sequence(objects((odd * 2)[:width]))


@forgery("one category twice", "columns")
def _(tree: Tree) -> None:
    encoder = step(tree)["transformers_"]["content"][1]["content"][1]["content"]["content"]
    items = encoder["categories_"]["content"][0]["content"]
    encoder["categories_"]["content"][0] = objects([items[-1]] * len(items))


# ---------------------------------------- functions in place of values, and attributes one by one
LOG = node("FunctionNode", "numpy.log1p")


def attribute(
    name: str, sample: str, key: str, content: Callable[[Tree], Node], *, refused: bool = False
) -> None:
    """A forgery that sets one attribute of the first step."""

    @forgery(name, sample, refused=refused)
    def change(tree: Tree) -> None:
        step(tree)[key] = content(tree)


attribute("a kernel that is a function", "Nystroem", "kernel", lambda tree: LOG)
attribute("kernel parameters of text", "Nystroem", "kernel_params", lambda tree: mapping(gamma=value("x")))
attribute("a gamma of NaN", "Nystroem", "gamma", lambda tree: value(NAN), refused=True)
attribute("a metric that is a function", "KNNImputer", "metric", lambda tree: LOG)
attribute(
    "weights that are a function", "KNNImputer", "weights", lambda tree: node("FunctionNode", "numpy.log")
)
attribute("names made by a function", "ColumnTransformer", "verbose_feature_names_out", lambda tree: LOG)
attribute(
    "a fit that is masked",
    "KNNImputer",
    "_mask_fit_X",
    lambda tree: array(tree, np.ones((60, 4), dtype=bool)),
)
attribute("a fit of infinities", "KNNImputer", "_fit_X", lambda tree: array(tree, np.full((60, 4), INF)))
attribute(
    "a fit of fewer rows than its mask", "KNNImputer", "_fit_X", lambda tree: array(tree, np.zeros((1, 4)))
)
attribute("a box-cox of negatives", "PowerTransformer", "method", lambda tree: value("box-cox"))
attribute("noise of nothing", "FactorAnalysis", "noise_variance_", lambda tree: array(tree, np.zeros(4)))
attribute("noise of less", "FactorAnalysis", "noise_variance_", lambda tree: array(tree, np.full(4, -1.0)))
attribute(
    "whitening by the least", "PCA", "explained_variance_", lambda tree: array(tree, np.full(4, 5e-324))
)
attribute("a mean of None", "PCA", "mean_", lambda tree: value(None))
attribute("a whitening of text", "PCA", "whiten", lambda tree: value("yes"))
attribute("statistics of NaN", "SimpleImputer", "statistics_", lambda tree: array(tree, np.full(4, NAN)))
attribute("missing values of text", "SimpleImputer", "missing_values", lambda tree: value("x"))
attribute("missing values of zero", "MissingIndicator", "missing_values", lambda tree: value(0.0))
attribute("an indicator that is sparse", "MissingIndicator", "sparse", lambda tree: value(True))
attribute("a threshold of text", "Binarizer", "threshold", lambda tree: value("x"))
attribute("a threshold of NaN", "Binarizer", "threshold", lambda tree: value(NAN))
attribute("a range that falls", "MinMaxScaler", "feature_range", lambda tree: arguments(value(1), value(0)))
attribute("a range of text", "MinMaxScaler", "feature_range", lambda tree: arguments(value("a"), value("b")))
attribute("a random projection of complex", "RBFSampler", "n_components", lambda tree: value(-1))
attribute(
    "a random offset of another size", "RBFSampler", "random_offset_", lambda tree: array(tree, np.zeros(9))
)
attribute(
    "a distribution of another name", "QuantileTransformer", "output_distribution", lambda tree: value("x")
)
attribute(
    "references of another size", "QuantileTransformer", "references_", lambda tree: array(tree, [0.0, 1.0])
)
attribute("an encoding of another name", "KBinsDiscretizer", "encode", lambda tree: value("x"))
attribute("more bins than edges", "KBinsDiscretizer", "n_bins_", lambda tree: array(tree, np.full(4, 2**31)))
attribute("a weight of infinity", "FeatureUnion", "transformer_weights", lambda tree: mapping(a=value(INF)))
attribute("a part that is dropped twice", "FeatureUnion", "transformer_list", lambda tree: sequence())
attribute(
    "an unknown value of NaN in whole numbers",
    "OrdinalEncoder",
    "dtype",
    lambda tree: node("TypeNode", "numpy.uint8"),
)
attribute("an encoder of objects", "OrdinalEncoder", "dtype", lambda tree: OBJECT)
attribute("columns that are objects", "ColumnTransformer", "_n_features", lambda tree: value(2**40))
attribute(
    "names that are numbers",
    "StandardScaler",
    "feature_names_in_",
    lambda tree: objects([value(i) for i in range(4)]),
)
attribute("one name for all", "StandardScaler", "feature_names_in_", lambda tree: objects([value("a")] * 4))


@forgery("columns counted from the end", "ColumnTransformer of a list")
def _(tree: Tree) -> None:
    step(tree)["transformers_"]["content"][1]["content"][2] = sequence(value(-1), value(-5))


@forgery("columns by a mask too long", "ColumnTransformer of a list")
def _(tree: Tree) -> None:
    step(tree)["transformers_"]["content"][1]["content"][2] = sequence(*[value(True)] * 9)


@forgery("columns by a text", "ColumnTransformer of a list")
def _(tree: Tree) -> None:
    step(tree)["transformers_"]["content"][1]["content"][2] = value("a")


@forgery("no steps at all", "StandardScaler")
def _(tree: Tree) -> None:
    tree.root["content"]["content"]["steps"]["content"] = []


@forgery("a detector of images behind columns", "StandardScaler")
def _(tree: Tree) -> None:
    theirs = Tree(samples("grey")[0])
    tree.root["content"]["content"]["steps"]["content"][-1]["content"][1] = theirs.root
    tree.members |= {name: data for name, data in theirs.members.items() if name.endswith(".npy")}


@forgery("a million names of one letter", "numbers")
def _(tree: Tree) -> None:
    last(tree)["history_"] = mapping(**{f"k{i}": value(0) for i in range(40_000)})


@forgery("a number of 4,000 digits", "numbers")
def _(tree: Tree) -> None:
    last(tree)["offset_"] = value(10**4_000)


@forgery("an offset that is infinite", "numbers")
def _(tree: Tree) -> None:
    last(tree)["offset_"] = value(INF)


@forgery("patches larger than memory", "grey")
def _(tree: Tree) -> None:
    model(tree)["size"] = sequence(value(2**14), value(2**14))


@forgery("a stride of nothing", "grey")
def _(tree: Tree) -> None:
    for found in model(tree)["levels"]["content"]:
        found["content"]["stride"] = value(0)


@forgery("a factor of 2 ** 40", "grey")
def _(tree: Tree) -> None:
    model(tree)["factor"] = value(2**40)


FORGED_DIALECTS: dict[str, dict[str, Any]] = {
    "a codec that runs over its text": {"encoding": "unicode_escape"},
    "a codec that always fails": {"encoding": "undefined"},
    "a separator of many bytes": {"separator": "é"},
    "one mark for decimals and thousands": {"columns": {"length": {"form": "number", "thousands": "."}}},
    "a pattern as a unit": {"columns": {"length": {"form": "number", "suffix": LONG}}},
    "a form of no column": {"columns": {ESCAPE: {"form": "text"}}},
    "more words than a file has": {"missing": [LONG] * 1_000},
    "a tree as a form": {"columns": {"length": {"form": {"form": {"form": []}}}}},
}
"""Descriptions of how a training table was read, which no fit writes."""


def _forge_dialect(name: str, dialect: dict[str, Any]) -> None:
    @forgery(f"a dialect with {name}", "mixed", refused=True)
    def _(tree: Tree) -> None:
        tree.metadata["dialect"] = dialect


for _name, _dialect in FORGED_DIALECTS.items():
    _forge_dialect(_name, _dialect)
