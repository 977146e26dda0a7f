"""A camera's features, whichever library reaches them, and how the configuration is written into them."""

from typing import Protocol

from senbetsu_errors import NeedsOperator
from vision.genicam_config import GenicamSettings

Value = bool | int | float | str
Kind = type[bool] | type[int] | type[float] | type[str]


def as_kind(value: Value, kind: Kind) -> Value:
    """The value for a feature of that kind. Raises TypeError where it is of another: a whole number serves
    where a float is wanted, nothing else is converted."""
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise TypeError(f"a value of the kind {kind.__name__} is wanted, {value!r} was found")
    return value


class Nodes(Protocol):
    """A camera's GenICam features by name."""

    def has(self, name: str) -> bool:
        """Whether the camera has the feature and it can be used now."""
        ...

    def write(self, name: str, value: Value) -> None:
        """Set it. Raises whatever the library raises."""
        ...

    def execute(self, name: str) -> None:
        """Carry the command out. Raises whatever the library raises."""
        ...

    def allowed(self, name: str) -> str:
        """What it may be set to, in words; empty where unknown."""
        ...


def apply_settings(nodes: Nodes, config: GenicamSettings) -> None:
    """Write the configuration into the camera. Raises NeedsOperator `camera.setting` for what it does not take."""
    if config.pixel_format is not None:
        _set(nodes, "camera.pixel_format", ("PixelFormat",), config.pixel_format)
    _set_trigger(nodes, config)
    if config.exposure_us is not None:
        _set_if_there(nodes, "ExposureAuto", "Off")
        _set(nodes, "camera.exposure_us", ("ExposureTime", "ExposureTimeAbs"), config.exposure_us)
    if config.gain_db is not None:
        _set_if_there(nodes, "GainAuto", "Off")
        _set(nodes, "camera.gain_db", ("Gain",), config.gain_db)
    if config.trigger is None and config.frame_rate_hz is not None:
        _set_if_there(nodes, "AcquisitionFrameRateEnable", True)
        rate_names = ("AcquisitionFrameRate", "AcquisitionFrameRateAbs")
        _set(nodes, "camera.frame_rate_hz", rate_names, config.frame_rate_hz)
    if config.encoder_chunk is not None:
        key = "camera.encoder_chunk"
        _set(nodes, key, ("ChunkModeActive",), True)
        _set(nodes, key, ("ChunkSelector",), config.encoder_chunk.removeprefix("Chunk"))
        _set(nodes, key, ("ChunkEnable",), True)
    for feature in config.features:
        _set(nodes, "camera.features", (feature.name,), feature.value)


def _set_trigger(nodes: Nodes, config: GenicamSettings) -> None:
    trigger = config.trigger
    if trigger is None:
        # Without a word of it the camera shall run free, whatever it was told before.
        _set_if_there(nodes, "TriggerMode", "Off")
        return
    _set(nodes, "camera.trigger.selector", ("TriggerSelector",), trigger.selector)
    _set(nodes, "camera.trigger", ("TriggerMode",), "On")
    _set(nodes, "camera.trigger.source", ("TriggerSource",), trigger.source)
    if trigger.activation is not None:
        _set(nodes, "camera.trigger.activation", ("TriggerActivation",), trigger.activation)


def _set_if_there(nodes: Nodes, name: str, value: Value) -> None:
    if nodes.has(name):
        _set(nodes, "camera", (name,), value)


def _set(nodes: Nodes, key: str, names: tuple[str, ...], value: Value) -> None:
    """Set the first of these features that the camera has; they are names of one thing."""
    name = next((name for name in names if nodes.has(name)), None)
    if name is None:
        raise NeedsOperator(
            "camera.setting",
            f"The camera has no feature {' or '.join(names)} that can be set now, which {key} needs.",
            "Look at the camera with its vendor's viewer; leave the key out where the camera cannot do it.",
        )
    try:
        nodes.write(name, value)
    except Exception as error:  # each library raises its own types
        allowed = nodes.allowed(name)
        raise NeedsOperator(
            "camera.setting",
            f"The camera does not take {name} = {value} ({key}): {' '.join(str(error).split())}.",
            f"It takes {allowed}." if allowed else "Look at the camera with its vendor's viewer.",
        ) from error
