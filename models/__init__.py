"""ONNX files with their manifests, the registry that verifies them, and how they are trained."""
