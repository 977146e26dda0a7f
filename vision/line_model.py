"""The models that a line's configuration names, with the signatures that it asks for."""

from models.registry import DetectorFile, ModelFile, open_any, open_model
from vision.settings import VisionConfig


def line_model(settings: VisionConfig) -> ModelFile | DetectorFile:
    """The model that decides. Raises NeedsOperator as `models.registry.open_any`."""
    return open_any(settings.model, settings.trusted_keys)


def shadow_model(settings: VisionConfig) -> ModelFile | None:
    """The model that is only asked, None without one. Raises NeedsOperator as `models.registry.open_model`."""
    return None if settings.shadow_model is None else open_model(settings.shadow_model, settings.trusted_keys)
