"""How the tag map writes a node of an OPC UA server."""

import contextlib
import re

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from plc_bridge.opcua_nodes import BrowsePath, parse_node
from senbetsu_errors import Fatal


def test_node_ids_and_browse_paths_are_read_as_they_are_written() -> None:
    path = parse_node("/0:Objects/2:A&/B/3:C&:D/E")
    assert isinstance(path, BrowsePath)
    assert [(e.NamespaceIndex, e.Name) for e in path.elements] == [(0, "Objects"), (2, "A/B"), (3, "C:D"), (0, "E")]
    assert parse_node("ns=3;i=7") == ua.NodeId(7, 3)  # pyright: ignore[reportArgumentType]
    for text in ("Senbetsu.Status", "ns=x;s=a", "//", "/0:Objects/", ""):
        with pytest.raises(Fatal, match="neither a node id nor a browse path"):
            parse_node(text)


NAMES = st.lists(st.tuples(st.integers(0, 65535), st.text(min_size=1)), min_size=1, max_size=6)


def _escaped(name: str) -> str:
    return re.sub("([&/:])", r"&\1", name)


@given(NAMES)
def test_every_browse_path_is_read_back(names: list[tuple[int, str]]) -> None:
    path = parse_node("".join(f"/{index}:{_escaped(name)}" for index, name in names))
    assert isinstance(path, BrowsePath)
    assert [(element.NamespaceIndex, element.Name) for element in path.elements] == names


@given(st.text(max_size=30) | st.from_regex(r"(ns=[0-9]+;)?[isgb]=.{0,10}"))
def test_any_text_is_a_node_or_refused_in_one_sentence(text: str) -> None:
    with contextlib.suppress(Fatal):  # anything else would be a crash at start
        assert isinstance(parse_node(text), BrowsePath | ua.NodeId)
