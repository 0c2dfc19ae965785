"""What a model file may hold of scikit-learn: its steps, their parameters and their fitted attributes."""
