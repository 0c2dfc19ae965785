"""Model files taken apart, changed and put together again, checksums and all."""

from __future__ import annotations

import io
import itertools
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from anomaly_vae import TabularVAEDetector, save
from anomaly_vae.model_file.contents import read_model_tree
from anomaly_vae.model_file.rebuild import rebuild_step
from anomaly_vae.model_file.writing import dump

Node = dict[str, Any]
Members = dict[str, bytes]

_FIRST_ID = 10**18
_ids = itertools.count(_FIRST_ID)


def restart_ids() -> None:
    """Number new nodes from the first id again, so that what is made next is the same each time."""
    global _ids
    _ids = itertools.count(_FIRST_ID)


def numbers(n_rows: int = 100) -> NDArray[np.float64]:
    return np.random.default_rng(0).normal(size=(n_rows, 3))


def table(n_rows: int = 100) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    colours, counts = generator.choice(["red", "green", "blue"], n_rows), generator.poisson(5, n_rows)
    return pd.DataFrame({"length": generator.normal(size=n_rows), "colour": colours, "count": counts})


def untrained() -> TabularVAEDetector:
    """A detector for the end of a Pipeline, of one ensemble: it loads in a third of the time of five."""
    return TabularVAEDetector(max_steps=20, validation_fraction=0.25, random_state=0)


@cache
def detector() -> TabularVAEDetector:
    """A cross-fitted detector, as small tables have by default."""
    return TabularVAEDetector(max_steps=20, random_state=0).fit(table())


@cache
def scaled() -> Pipeline:
    return make_pipeline(StandardScaler(), untrained()).fit(numbers())


@cache
def encoded() -> Pipeline:
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["length", "count"]),
            ("colours", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["colour"]),
        ]
    )
    return Pipeline([("columns", columns), ("detector", untrained())]).fit(table())


@cache
def saved(model: Any) -> bytes:
    """Bytes of a model's file, written once however often they are asked for."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.avae"
        save(model, path)
        return path.read_bytes()


def put(path: Path, model: Any) -> Path:
    """The file of a model, as `save` wrote it."""
    path.write_bytes(saved(model))
    return path


def members(model: Any) -> Members:
    """Members of a model's file."""
    return unzipped(saved(model))


def unzipped(content: bytes) -> Members:
    with ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: Members, compression: int = ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            # A ZipInfo has one date for all time, where a name alone would have the clock's.
            archive.writestr(ZipInfo(name), content, compress_type=compression)
    return buffer.getvalue()


def read(path: Path) -> Members:
    return unzipped(path.read_bytes())


def write(path: Path, members: Members, compression: int = ZIP_STORED) -> Path:
    path.write_bytes(zipped(members, compression))
    return path


def forge(path: Path, model: Any, change: Callable[[Node, Members], None]) -> Path:
    """A file of the model whose schema and members were changed before it was sealed again."""
    content = members(model)
    schema = json.loads(content["schema.json"])
    change(schema, content)
    return write(path, content | {"schema.json": json.dumps(schema).encode()})


def change_metadata(path: Path, model: Any, **changes: Any) -> None:
    """Write a file of the model with other metadata."""
    content = members(model)
    metadata = json.loads(content["metadata.json"]) | changes
    write(path, content | {"metadata.json": json.dumps(metadata).encode()})


def attributes(root: Node, *steps: int) -> dict[str, Node]:
    """Nodes of an object's attributes by name; `steps` descends into Pipeline steps by position."""
    for position in steps:
        root = root["content"]["content"]["steps"]["content"][position]["content"][1]
    content: dict[str, Node] = root["content"]["content"]
    return content


def add(root: Node, name: str, value: Node) -> None:
    """Give an object one attribute more."""
    state = root["content"]
    state["content"][name] = value
    state["key_types"]["content"].append(node("TypeNode", "builtins.str"))


def node(loader: str, name: str, **fields: Any) -> Node:
    module, _, class_name = name.rpartition(".")
    head = {"__class__": class_name, "__module__": module, "__loader__": loader, "__id__": next(_ids)}
    return {**head, **fields}


def value(content: Any) -> Node:
    return node("JsonNode", "builtins.str", content=json.dumps(content), is_json=True)


def sequence(*items: Node, loader: str = "ListNode", name: str = "builtins.list") -> Node:
    return node(loader, name, content=list(items))


def arguments(*items: Node) -> Node:
    return sequence(*items, loader="TupleNode", name="builtins.tuple")


def mapping(**items: Node) -> Node:
    keys = sequence(*(node("TypeNode", "builtins.str") for _ in items))
    return node("DictNode", "builtins.dict", content=dict(items), key_types=keys)


def npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def rebuilt(step: Any) -> Any:
    """A step as it comes out of a file that it was written to."""
    return rebuild_step(read_model_tree(dump(step)))
