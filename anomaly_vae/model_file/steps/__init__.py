"""The steps of scikit-learn that a model file may hold, with their parameters and fitted attributes."""
