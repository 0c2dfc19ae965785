"""The tumours of the demo: 178 benign rows to learn from, 285 rows to rank."""

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from anomaly_vae import TabularVAEDetector

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
benign = X_train[y_train == 1]

for detector in (TabularVAEDetector(novelty=True, random_state=0), IsolationForest(random_state=0)):
    auroc = roc_auc_score(y_test, detector.fit(benign).score_samples(X_test))
    print(f"{type(detector).__name__:20s} AUROC {auroc:.2f}")
