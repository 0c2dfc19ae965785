"""AUROC and seconds on images, compared with PCA, kNN, isolation forest and a convolutional autoencoder.

    python benchmarks/images.py FOLDER [--seeds 0 1 2] [--no-peers] [--csv FILE]

FOLDER holds ``mnist/`` (t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz), ``magnetic_tile/`` (in MVTec's
layout: train/good, test/good, test/<defect>, ground_truth/<defect>), or both; a missing folder is skipped.

MNIST: fit on one digit in the first 5,000 images, detect the other digits in the last 5,000; mean over ten
digits. Tiles: fit on train/good, compare each defect with test/good, and the heat of images with a defect
with their masks. The other detectors get pixels in [0, 1], and tiles of 32 x 32 pixels, in the same process.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from torch import nn

from anomaly_vae import ImageVAEDetector

Images = NDArray[np.uint8]
Floats = NDArray[np.float64]
Oddness = Callable[[Images], Floats]

PEER_SIDE = 32
MNIST_TRAIN = 5_000


class Task(NamedTuple):
    """Normal images to fit on, and normal and anomalous images to score."""

    name: str
    train: Images
    good: Images
    odd: dict[str, Images]
    masks: dict[str, NDArray[np.bool_]]


class Result(NamedTuple):
    """Result of one detector on one task."""

    auroc: dict[str, float]
    pixel_auroc: dict[str, float]
    fit_seconds: float
    images_per_second: float


# ---------------------------------------------------------------------------------------------- tasks
def tasks(folder: Path) -> Iterator[Task]:
    """Return the tasks of the folder."""
    for name, read in (("mnist", mnist), ("magnetic_tile", tiles)):
        if (folder / name).is_dir():
            yield from read(folder / name)
        else:
            print(f"skipped {name}: {folder / name} does not exist")


def mnist(folder: Path) -> Iterator[Task]:
    """Return ten tasks, one per digit."""
    pixels = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes())
    x = np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 28, 28)
    y = np.frombuffer(labels, np.uint8, offset=8)
    x_train, y_train, x_test, y_test = x[:MNIST_TRAIN], y[:MNIST_TRAIN], x[MNIST_TRAIN:], y[MNIST_TRAIN:]
    for digit in range(10):
        others = {"others": x_test[y_test != digit]}
        yield Task("mnist", x_train[y_train == digit], x_test[y_test == digit], others, {})


def tiles(folder: Path) -> Iterator[Task]:
    """Return one task; each folder of ``test`` is a kind of defect."""
    kinds = sorted(path.name for path in (folder / "test").iterdir() if path.name != "good")
    odd = {kind: read_folder(folder / "test" / kind) for kind in kinds}
    masks = {kind: read_folder(folder / "ground_truth" / kind) > 0 for kind in kinds}
    yield Task("tiles", read_folder(folder / "train/good"), read_folder(folder / "test/good"), odd, masks)


def read_folder(folder: Path) -> Images:
    """All images of a folder in grey, by name."""
    return np.stack([np.asarray(Image.open(path).convert("L")) for path in sorted(folder.iterdir())])


# ------------------------------------------------------------------------------------------ detectors
def ours(train: Images, seed: int) -> tuple[Oddness, Oddness | None]:
    """anomaly-vae with defaults: negative scores of images, and heat maps."""
    detector = ImageVAEDetector(random_state=seed).fit(train)
    return lambda x: -detector.score_samples(x), detector.heatmap


def pca(train: Images, seed: int) -> tuple[Oddness, None]:
    """Squared distance from the first 50 principal components."""
    model = PCA(50, random_state=seed).fit(rows(train))

    def oddness(x: Images) -> Floats:
        difference = rows(x) - model.inverse_transform(model.transform(rows(x)))
        return np.asarray(np.square(difference).sum(axis=1))

    return oddness, None


def knn(train: Images, seed: int) -> tuple[Oddness, None]:
    """Mean distance to the five nearest training images."""
    model = NearestNeighbors(n_neighbors=5).fit(rows(train))
    return lambda x: np.asarray(model.kneighbors(rows(x))[0].mean(axis=1)), None


def forest(train: Images, seed: int) -> tuple[Oddness, None]:
    """Isolation forest."""
    model = IsolationForest(random_state=seed).fit(rows(train))
    return lambda x: -model.score_samples(rows(x)), None


def autoencoder(train: Images, seed: int) -> tuple[Oddness, None]:
    """Squared error of a plain convolutional autoencoder, 32 latents, 600 steps of 64."""
    torch.manual_seed(seed)
    x = squares(train)
    side = x.shape[-1] // 4
    network = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, 2, 1), nn.SiLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.SiLU(), nn.Flatten()),
        *(nn.Linear(32 * side * side, 32), nn.Linear(32, 32 * side * side), nn.SiLU()),
        *(nn.Unflatten(1, (32, side, side)), nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.SiLU()),
        nn.ConvTranspose2d(16, 1, 4, 2, 1),
    )
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(600):
        batch = x[torch.randint(len(x), (64,))]
        loss = (network(batch) - batch).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def oddness(images: Images) -> Floats:
        some = squares(images)
        return (network(some) - some).square().flatten(1).sum(dim=1).double().numpy()

    return oddness, None


DETECTORS: dict[str, Callable[[Images, int], tuple[Oddness, Oddness | None]]] = {
    "anomaly-vae": ours,
    "PCA-50": pca,
    "kNN, mean of 5": knn,
    "isolation forest": forest,
    "autoencoder": autoencoder,
}


def squares(images: Images) -> torch.Tensor:
    """Images of at most 32 pixels a side, (n_images, 1, side, side), in [0, 1]."""
    x = torch.tensor(images / 255.0, dtype=torch.float32)[:, None]
    return nn.functional.avg_pool2d(x, max(images.shape[1] // PEER_SIDE, 1))


def rows(images: Images) -> Floats:
    """The same, flattened."""
    return squares(images).flatten(1).double().numpy()


# -------------------------------------------------------------------------------------------- measure
def measure(task: Task, name: str, seed: int) -> Result:
    """Fit and score one detector."""
    started = time.perf_counter()
    oddness, pixels = DETECTORS[name](task.train, seed)
    fit_seconds = time.perf_counter() - started
    started = time.perf_counter()
    good = oddness(task.good)
    n_scored = len(task.good)
    auroc = {}
    for kind, images in task.odd.items():
        odd = oddness(images)
        n_scored += len(images)
        auroc[kind] = separation(good, odd)
    rate = n_scored / (time.perf_counter() - started)
    pixel_auroc = {}
    if pixels is not None:
        for kind, masks in task.masks.items():
            pixel_auroc[kind] = float(roc_auc_score(masks.ravel(), pixels(task.odd[kind]).ravel()))
    return Result(auroc, pixel_auroc, fit_seconds, rate)


def separation(good: Floats, odd: Floats) -> float:
    """AUROC of oddness."""
    labels = np.r_[np.zeros(len(good)), np.ones(len(odd))]
    return float(roc_auc_score(labels, np.r_[good, odd]))


def table(results: list[tuple[str, str, int, Result]]) -> list[dict[str, Any]]:
    """Means over digits and seeds, a line for each detector and kind."""
    lines = []
    for task in dict.fromkeys(task for task, *_ in results):
        for name in dict.fromkeys(name for _, name, *_ in results):
            some = [result for t, n, _, result in results if (t, n) == (task, name)]
            for kind in dict.fromkeys(kind for result in some for kind in result.auroc):
                of_kind = [result for result in some if kind in result.auroc]
                pixels = [r.pixel_auroc[kind] for r in of_kind if kind in r.pixel_auroc]
                lines.append(
                    {
                        "task": task,
                        "kind": kind,
                        "detector": name,
                        "auroc": np.mean([r.auroc[kind] for r in of_kind]),
                        "pixel_auroc": np.mean(pixels) if pixels else None,
                        "fit_seconds": np.median([r.fit_seconds for r in of_kind]),
                        "images_per_second": np.median([r.images_per_second for r in of_kind]),
                    }
                )
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--csv", type=Path)
    given = parser.parse_args()
    names = ["anomaly-vae"] if given.no_peers else list(DETECTORS)
    results = [
        (task.name, name, seed, measure(task, name, seed))
        for task in tasks(given.folder)
        for name in names
        for seed in given.seeds
    ]
    lines = table(results)
    print(
        f"{'task':8s} {'kind':10s} {'detector':18s} {'AUROC':>6s} {'pixels':>7s} {'fit':>8s} {'images/s':>9s}"
    )
    for line in lines:
        pixels = "" if line["pixel_auroc"] is None else f"{line['pixel_auroc']:.4f}"
        print(
            f"{line['task']:8s} {line['kind']:10s} {line['detector']:18s} {line['auroc']:6.4f} {pixels:>7s} "
            f"{line['fit_seconds']:6.2f} s {line['images_per_second']:9,.0f}"
        )
    if given.csv and lines:
        with given.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, lines[0])
            writer.writeheader()
            writer.writerows(lines)


if __name__ == "__main__":
    main()
