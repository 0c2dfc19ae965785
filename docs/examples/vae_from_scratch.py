"""A VAE in forty lines, beside a plain autoencoder of the same size, on tumours that scikit-learn ships."""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.distributions import Normal, kl_divergence

LATENT = 8
STEPS = 400


class Autoencoder(nn.Module):
    """Reproduces a row from a code; its score is minus the squared error."""

    def __init__(self, n_columns: int, code: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_columns, 64), nn.SiLU(), nn.Linear(64, code))
        self.decoder = nn.Sequential(nn.Linear(LATENT, 64), nn.SiLU(), nn.Linear(64, n_columns))

    def score(self, x: torch.Tensor) -> torch.Tensor:
        return -(x - self.decoder(self.encoder(x))).square().sum(dim=1)


class VAE(Autoencoder):
    """The same layers, but the code is a distribution, and the score is the ELBO in nats."""

    def __init__(self, n_columns: int) -> None:
        super().__init__(n_columns, code=2 * LATENT)
        self.log_scale = nn.Parameter(torch.zeros(n_columns))

    def elbo(self, x: torch.Tensor, n_draws: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        """Reconstruction term per column, shape (n_rows, n_columns), and KL term, shape (n_rows,)."""
        mean, log_var = self.encoder(x).chunk(2, dim=1)
        posterior = Normal(mean, (0.5 * log_var).exp())
        z = posterior.rsample((n_draws,))
        likelihood = Normal(self.decoder(z), self.log_scale.exp())
        kl = kl_divergence(posterior, Normal(torch.zeros_like(mean), 1.0)).sum(dim=1)
        return likelihood.log_prob(x).mean(dim=0), kl

    def score(self, x: torch.Tensor) -> torch.Tensor:
        reconstruction, kl = self.elbo(x)
        return reconstruction.sum(dim=1) - kl


def train(model: Autoencoder, x: torch.Tensor) -> Autoencoder:
    """Maximise the mean score of the training rows."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(STEPS):
        batch = x[torch.randint(len(x), (64,))]
        optimizer.zero_grad()
        (-model.score(batch).mean()).backward()
        optimizer.step()
    return model


tumours = load_breast_cancer()
benign, malignant = tumours.data[tumours.target == 1], tumours.data[tumours.target == 0]
scaler = StandardScaler().fit(benign[:250])
rows = {"train": benign[:250], "benign": benign[250:], "malignant": malignant}
train_rows, new_benign, new_malignant = (torch.tensor(scaler.transform(x)).float() for x in rows.values())
is_malignant = [False] * len(new_benign) + [True] * len(new_malignant)
new = torch.cat([new_benign, new_malignant])

for name, kind in (("autoencoder", lambda: Autoencoder(30, LATENT)), ("VAE", lambda: VAE(30))):
    ranks = []
    for seed in range(3):
        torch.manual_seed(seed)
        model = train(kind(), train_rows)
        with torch.no_grad():
            ranks.append(roc_auc_score(is_malignant, -model.score(new)))
    print(f"{name:12s} AUROC {sum(ranks) / 3:.2f}")

with torch.no_grad():
    reconstruction, kl = model.elbo(new_malignant[:1], n_draws=64)
print(f"first malignant row: reconstruction {reconstruction.sum():.0f} nats, KL {kl.sum():.0f} nats")
worst = reconstruction[0].argsort()[:3]
print("most improbable columns:", ", ".join(tumours.feature_names[j] for j in worst))
