"""OPC UA values as this package makes them; asyncua types its own constructors too narrowly to call them directly."""

from datetime import datetime
from typing import Any, cast

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

__all__ = ["ObjectIds", "StatusCodes", "node_id", "nothing", "stamped", "status_code", "with_status"]


def node_id(identifier: int | str | bytes, namespace: int = 0) -> ua.NodeId:
    """A numeric, string or opaque node id."""
    kind = ua.NodeIdType.ByteString if isinstance(identifier, bytes) else None
    return ua.NodeId(cast(Any, identifier), cast(Any, namespace), cast(Any, kind))


def status_code(code: int) -> ua.StatusCode:
    """A status code."""
    return ua.StatusCode(cast(Any, code))


def with_status(value: ua.Variant, code: int) -> ua.DataValue:
    """A value of that quality, without timestamps."""
    return ua.DataValue(value, status_code(code))


def nothing(code: int) -> ua.DataValue:
    """No value, and the code that says why."""
    return with_status(ua.Variant(), code)


def stamped(value: ua.DataValue, source: datetime, server: datetime) -> ua.DataValue:
    """The same with its two timestamps, UTC."""
    return ua.DataValue(
        value.Value, value.StatusCode, SourceTimestamp=cast(Any, source), ServerTimestamp=cast(Any, server)
    )
