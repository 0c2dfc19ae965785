"""The network as graphs: codes and expected rows as torch computes them."""

from __future__ import annotations

import numpy as np
import onnx
import pandas as pd
import pytest
import torch

from anomaly_vae import TabularVAEDetector
from anomaly_vae.runtime.network import decoder_model, encoder_model
from anomaly_vae.runtime.session import Session


@pytest.mark.parametrize("hidden_sizes", [(), (8,), (6, 5)])
@pytest.mark.parametrize("columns", [["length", "note"], ["colour", "valid"], ["length", "colour", "when"]])
def test_it_gives_what_torch_gives(
    hidden_sizes: tuple[int, ...], columns: list[str], table: pd.DataFrame
) -> None:
    """Numbers, categories and both, with missing cells."""
    detector = TabularVAEDetector(
        max_steps=5, hidden_sizes=hidden_sizes, latent_dim=2, random_state=0, validation_fraction=0.2
    ).fit(table[columns])
    network, schema = detector.model_.network, detector.schema_
    cells = detector.model_.encoder.transform(table[columns][:50])
    codes = Session(encoder_model(schema, network.state()))(cells)
    with torch.no_grad():
        wanted, _ = network.vae.encode(torch.from_numpy(cells))
        location = network.vae.likelihood.probabilities(network.vae.decode(wanted))
    np.testing.assert_allclose(codes, wanted, rtol=1e-4, atol=1e-5)
    expected = Session(decoder_model(schema, network.state()))(wanted.numpy())
    np.testing.assert_allclose(expected, location, rtol=1e-4, atol=1e-5)


def test_both_graphs_are_valid(fitted: TabularVAEDetector) -> None:
    """ONNX checks types and shapes."""
    state = fitted.model_.network.state()
    for model in (encoder_model(fitted.schema_, state), decoder_model(fitted.schema_, state)):
        onnx.checker.check_model(model, full_check=True)
