"""The nodes of the tag map on a server: node ids or browse paths, checked before anything is sent.

A node is written as a node id (`ns=2;s=Senbetsu.Status`, `nsu=urn:senbetsu:plc;s=Senbetsu.Status`) or as
a browse path from the root (`/0:Objects/2:Senbetsu/2:Status`; `&` before a `/`, `:` or `&` of a name).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from plc_bridge.opcua_errors import of_status
from senbetsu_errors import Fatal, NeedsOperator

_CHECK = "Correct the node in the tag map; a browser such as UaExpert shows what the server has."
_READ, _WRITE = 1, 2  # bits of an access level
_LISTED = 8
_PATH = re.compile(r"(?:/(?:&.|[^/&])+)+", re.DOTALL)
_ELEMENT = re.compile(r"/(?:([0-9]{1,5}):)?((?:&.|[^/&])+)", re.DOTALL)
_ESCAPED = re.compile(r"&(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class BrowsePath:
    """The names from the root down to a node."""

    elements: tuple[ua.QualifiedName, ...]


def parse_node(text: str) -> BrowsePath | ua.NodeId:
    """A node as the tag map writes it. Raises `Fatal` `config.tags`."""
    if not text.startswith("/"):
        try:
            return ua.NodeId.from_string(text)
        except ua.UaError as error:
            raise _unreadable(text) from error
    if not _PATH.fullmatch(text):
        raise _unreadable(text)
    elements = [(_ESCAPED.sub(r"\1", name), int(index or 0)) for index, name in _ELEMENT.findall(text)]
    return BrowsePath(tuple(ua.QualifiedName(cast(Any, name), cast(Any, index)) for name, index in elements))


def _unreadable(text: str) -> Fatal:
    return Fatal(
        "config.tags",
        f"{text!r} is neither a node id nor a browse path.",
        "Write ns=2;s=Name, ns=2;i=5, or /0:Objects/2:Folder/2:Name.",
    )


async def resolve(client: Client, url: str, node: BrowsePath | ua.NodeId) -> ua.NodeId:
    """The node id on this server. Raises `NeedsOperator` `plc.node_missing`, naming for a path the
    deepest element that exists and what lies below it."""
    if isinstance(node, ua.ExpandedNodeId) and node.NamespaceUri:
        known = await client.get_namespace_array()
        if node.NamespaceUri not in known:
            sentence = f"The OPC UA server at {url} has no namespace {node.NamespaceUri}; it has {', '.join(known)}."
            raise NeedsOperator("plc.node_missing", sentence, _CHECK)
        return ua.NodeId(node.Identifier, cast(Any, known.index(node.NamespaceUri)))
    if isinstance(node, ua.NodeId):
        return node
    start = ua.NodeId(cast(Any, ObjectIds.RootFolder))
    found = await _follow(client, start, node.elements)
    if found is not None:
        return found
    deepest, reached = start, 0
    for element in node.elements:
        below = await _follow(client, deepest, [element])
        if below is None:
            break
        deepest, reached = below, reached + 1
    missing = _name(node.elements[reached])
    above = "".join(f"/{_name(element)}" for element in node.elements[:reached]) or "the root"
    names = sorted({_name(child.BrowseName) for child in await _children(client, deepest)})
    there = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
    sentence = f"The OPC UA server at {url} has no {missing} below {above}; there are {there or 'no nodes'}."
    raise NeedsOperator("plc.node_missing", sentence, _CHECK)


async def parent_of(client: Client, method: ua.NodeId) -> ua.NodeId:
    """The object that a method belongs to, which a call must name. Raises `NeedsOperator` `plc.node_missing`."""
    parents = await _children(client, method, ua.BrowseDirection.Inverse)
    if not parents:
        sentence = f"The method {method.to_string()} does not exist, or belongs to no object."
        raise NeedsOperator("plc.node_missing", sentence, _CHECK)
    return parents[0].NodeId


async def check_array(client: Client, url: str, node: ua.NodeId, access: Literal["read", "write"]) -> list[int]:
    """The UInt32 array in a node that we may read or write. Raises `NeedsOperator` `plc.node_missing`,
    `plc.node_type` or `plc.node_access`, or what the server's refusal means."""
    attributes = (AttributeIds.NodeClass, AttributeIds.DataType, AttributeIds.UserAccessLevel, AttributeIds.Value)
    parameters = ua.ReadParameters()
    parameters.NodesToRead = [ua.ReadValueId(node, cast(Any, attribute)) for attribute in attributes]
    answers = await client.uaclient.session.read(parameters)
    node_class, data_type, user_access, value = answers
    name = node.to_string()
    if node_class.StatusCode is not None and not node_class.StatusCode.is_good():
        sentence = f"The OPC UA server at {url} has no node {name} ({node_class.StatusCode.name})."
        raise NeedsOperator("plc.node_missing", sentence, _CHECK)
    kind = ua.NodeClass(_content(node_class))
    if kind is not ua.NodeClass.Variable:
        raise NeedsOperator("plc.node_type", f"Node {name} is a {kind.name}, not a variable.", _CHECK)
    level = _content(user_access)
    wanted = _WRITE if access == "write" else _READ
    if isinstance(level, int) and not level & wanted:
        verb = "written" if access == "write" else "read"
        remedy = "Give the user that right on the server, or correct the node in the tag map."
        raise NeedsOperator("plc.node_access", f"Node {name} cannot be {verb} by this user.", remedy)
    return words_of(url, node, value, _content(data_type))


def words_of(url: str, node: ua.NodeId, answer: ua.DataValue, data_type: object = None) -> list[int]:
    """The UInt32 array that was read from `node`. Raises `NeedsOperator` `plc.node_type`, or what a bad
    status means."""
    if answer.StatusCode is not None and not answer.StatusCode.is_good():
        raise of_status(url, answer.StatusCode)
    variant = answer.Value
    value: object = variant.Value if variant is not None else None
    if variant is not None and variant.VariantType is ua.VariantType.UInt32 and isinstance(value, list):
        return cast("list[int]", value)
    if value is None and data_type == ua.NodeId(cast(Any, ObjectIds.UInt32)):
        return []  # declared rightly, not yet written
    found = variant.VariantType.name if variant is not None and value is not None else "empty"
    shape = "an array of" if isinstance(value, list) else "a single"
    sentence = f"Node {node.to_string()} is not an array of UInt32 but {shape} {found}."
    raise NeedsOperator("plc.node_type", sentence, _CHECK)


async def _follow(client: Client, start: ua.NodeId, names: Sequence[ua.QualifiedName]) -> ua.NodeId | None:
    path: Any = ua.BrowsePath()
    path.StartingNode = start
    for name in names:
        element: Any = ua.RelativePathElement()
        element.ReferenceTypeId = ua.NodeId(cast(Any, ObjectIds.HierarchicalReferences))
        element.IsInverse = False  # the library's default is True
        element.IncludeSubtypes = True
        element.TargetName = name
        path.RelativePath.Elements.append(element)
    results: list[Any] = await client.uaclient.session.translate_browsepaths_to_nodeids([path])
    if not results[0].StatusCode.is_good() or not results[0].Targets:
        return None
    found: ua.NodeId = results[0].Targets[0].TargetId
    return ua.NodeId(found.Identifier, found.NamespaceIndex)


async def _children(
    client: Client, node: ua.NodeId, direction: ua.BrowseDirection = ua.BrowseDirection.Forward
) -> list[Any]:
    description: Any = ua.BrowseDescription()
    description.NodeId = node
    description.BrowseDirection = direction
    description.ReferenceTypeId = ua.NodeId(cast(Any, ObjectIds.HierarchicalReferences))
    description.IncludeSubtypes = True
    description.ResultMask = ua.BrowseResultMask.All
    parameters = ua.BrowseParameters()
    parameters.NodesToBrowse = [description]
    results: list[Any] = await client.uaclient.session.browse(parameters)
    return list(results[0].References or []) if results[0].StatusCode.is_good() else []


def _name(name: ua.QualifiedName) -> str:
    return f"{name.NamespaceIndex}:{name.Name}"


def _content(answer: ua.DataValue) -> Any:
    return answer.Value.Value if answer.Value is not None else None
