"""Scoring on the CPU: a model's weights as one ONNX graph, run by ONNX Runtime, without torch."""
