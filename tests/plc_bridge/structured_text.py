"""Runs IEC 61131-3 Structured Text: blark's parse tree turned into Python, type by type.

Only what plc_bridge/plc_program uses, and stricter than a compiler: types never mix silently, an
array index, an INT or a conversion out of range raises, AND and OR always evaluate both sides. UDINT
and UINT wrap, REAL is IEEE single. Timers read `Runtime.now_us`, which the caller sets before a scan.
"""

import re
import struct
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

from blark.parse import parse_source_code

_UNSIGNED = {"USINT": 8, "UINT": 16, "UDINT": 32, "ULINT": 64}
_SIGNED = {"SINT": 8, "INT": 16, "DINT": 32, "LINT": 64}
_INTEGERS = {**_UNSIGNED, **_SIGNED}
_COMPARISONS = {"=": "==", "<>": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
_LOGIC = {"AND": "&", "OR": "|", "XOR": "^"}
_REINTERPRETED = {("UDINT", "DINT"), ("DINT", "UDINT")}
"""A count difference is meant to be read as signed."""


class StructuredTextError(Exception):
    """What the program does is not defined, or not in the subset."""


@dataclass(slots=True)
class Runtime:
    """What the blocks of one PLC share: the time of the scan, microseconds."""

    now_us: int = 0


@dataclass(frozen=True, slots=True)
class ArrayType:
    """ARRAY [first..last] OF element."""

    first: int
    last: int
    element: "Type"


@dataclass(frozen=True, slots=True)
class StructType:
    """STRUCT with its fields by name."""

    name: str
    fields: Mapping[str, "Type"] = field(hash=False)


Type = str | ArrayType | StructType
"""An elementary type or a function block by name, or a derived type."""


@dataclass(frozen=True, slots=True)
class _Expression:
    source: str
    type: Type
    literal: bool = False
    element_of: tuple[str, str] | None = None  # array and index, where it is one


@dataclass(slots=True)
class _Unit:
    """A function or function block: its variables, and its body as Python."""

    name: str
    variables: dict[str, Type] = field(default_factory=dict[str, Type])
    initial: dict[str, Any] = field(default_factory=dict[str, Any])
    inputs: list[str] = field(default_factory=list[str])
    located: dict[str, str] = field(default_factory=dict[str, str])
    returns: Type | None = None
    run: Callable[..., None] | None = None


class Instance(SimpleNamespace):
    """One function block: its variables are attributes, in lower case; calling it is one scan."""

    def __call__(self, **inputs: Any) -> None:
        unit: _Unit = self.unit
        for name, value in inputs.items():
            if name not in unit.inputs:
                raise StructuredTextError(f"{unit.name} has no input {name}")
            setattr(self, name, value)
        assert unit.run is not None
        unit.run(self, self.runtime)


class OnDelay:
    """TON: `q` once `in` has been true for `pt`."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.q, self.et = False, 0
        self._since_us: int | None = None

    def __call__(self, *, pt: int, **inputs: bool) -> None:
        now_us = self.runtime.now_us
        if not inputs["in"]:
            self._since_us, self.q, self.et = None, False, 0
            return
        if self._since_us is None:
            self._since_us = now_us
        self.et = min(now_us - self._since_us, pt)
        self.q = self.et >= pt


class RisingEdge:
    """R_TRIG: `q` for one scan after `clk` rose."""

    def __init__(self, runtime: Runtime) -> None:
        self.q = self._last = False

    def __call__(self, *, clk: bool) -> None:
        self.q, self._last = clk and not self._last, clk


_STANDARD: dict[str, tuple[Callable[[Runtime], Any], dict[str, Type], dict[str, Type]]] = {
    "TON": (OnDelay, {"in": "BOOL", "pt": "TIME"}, {"q": "BOOL", "et": "TIME"}),
    "R_TRIG": (RisingEdge, {"clk": "BOOL"}, {"q": "BOOL"}),
}


class Program:
    """Types, functions and blocks of some sources, in order. Raises `StructuredTextError`."""

    def __init__(self, *sources: str) -> None:
        self.types: dict[str, Type] = {}
        self.units: dict[str, _Unit] = {}
        self._globals: dict[str, Any] = {
            "f32": _single, "element": _element, "fits": _fits, "copied": _copied, "signed": _signed,
        }  # fmt: skip
        for source in sources:
            for item in parsed(source).items:
                if type(item).__name__ == "DataTypeDeclaration":
                    self._declare_type(item.declaration)
                else:
                    self._declare_unit(item)

    def instance(self, name: str, runtime: Runtime) -> Instance:
        """A new function block or program with its initial values."""
        unit = self.units[name]
        values = {
            variable: unit.initial[variable] if variable in unit.initial else self.initial(kind, runtime)
            for variable, kind in unit.variables.items()
        }
        return Instance(**values, unit=unit, runtime=runtime)

    def function(self, name: str) -> Callable[..., Any]:
        """A function, to be called with its inputs by name."""
        unit = self.units[name]

        def call(**inputs: Any) -> Any:
            frame = self.instance(name, Runtime())
            frame(**inputs)
            return getattr(frame, name.lower())

        assert unit.returns is not None
        return call

    def initial(self, kind: Type, runtime: Runtime) -> Any:
        """The value of a variable that is given none."""
        if isinstance(kind, ArrayType):
            return [self.initial(kind.element, runtime) for _ in range(kind.first, kind.last + 1)]
        if isinstance(kind, StructType):
            return SimpleNamespace(**{name: self.initial(of, runtime) for name, of in kind.fields.items()})
        if kind in _STANDARD:
            return _STANDARD[kind][0](runtime)
        if kind in self.units:
            return self.instance(kind, runtime)
        return {"BOOL": False, "REAL": 0.0}.get(kind, 0)

    def named(self, name: str) -> Type:
        """The type of that name."""
        elementary = name in _INTEGERS or name in ("BOOL", "REAL", "TIME")
        if elementary or name in self.units or name in _STANDARD:
            return name
        if name not in self.types:
            raise StructuredTextError(f"no type {name}")
        return self.types[name]

    def _declare_type(self, declaration: Any) -> None:
        name = str(declaration.name)
        if type(declaration).__name__ == "StructureTypeDeclaration":
            fields: dict[str, Type] = {}
            for element in declaration.declarations:
                kind = self.named(str(element.init.spec.type))
                fields |= {str(variable.variable.name).lower(): kind for variable in element.variables}
            self.types[name] = StructType(name, fields)
        else:
            spec = declaration.init.spec
            (subrange,) = spec.subranges
            element = self.named(str(spec.type.type_name))
            self.types[name] = ArrayType(int(subrange.start.value), int(subrange.stop.value), element)

    def _declare_unit(self, item: Any) -> None:
        unit = _Unit(str(item.name))
        if type(item).__name__ == "Function":
            unit.returns = self.named(str(item.return_type.type.type))
            unit.variables[unit.name.lower()] = unit.returns
        for section in item.declarations:
            for declaration in section.items:
                if type(declaration).__name__ == "LocatedVariableDeclaration":
                    name = str(declaration.name.name).lower()
                    unit.located[name] = str(declaration.location)
                    self._declare_variable(unit, name, declaration.init)
                    continue
                for variable in declaration.variables:
                    name = str(variable.variable.name).lower()
                    self._declare_variable(unit, name, declaration.init)
                    if type(section).__name__ == "InputDeclarations":
                        unit.inputs.append(name)
        self.units[unit.name] = unit
        lines = ["def run(self, runtime):", *_Compiler(self, unit).block(item.body, 1)]
        functions = {f"call_{name}": self.function(name) for name, other in self.units.items() if other.returns}
        scope = {**self._globals, **functions}
        exec(compile("\n".join(lines), unit.name, "exec"), scope)  # noqa: S102
        unit.run = scope["run"]

    def _declare_variable(self, unit: _Unit, name: str, init: Any) -> None:
        if name in unit.variables:
            raise StructuredTextError(f"{unit.name}: {name} is declared twice")
        kind = unit.variables[name] = self.named(str(init.spec.type))
        if init.value is not None:
            value = _Compiler(self, unit).expression(init.value)
            _check_assignable(kind, value, f"{unit.name}.{name}")
            unit.initial[name] = eval(value.source, self._globals)  # noqa: S307


@cache
def parsed(source: str) -> Any:
    """Blark's tree of a source; kept, for blark needs seconds for a page."""
    result = cast(Any, parse_source_code)(source)
    if result.exception is not None:
        raise StructuredTextError(str(result.exception))
    return result.transform()


class _Compiler:
    """Statements and expressions of one unit as Python source."""

    def __init__(self, program: Program, unit: _Unit) -> None:
        self._program = program
        self._unit = unit
        self._temporaries = count()

    def block(self, statements: Any, depth: int) -> list[str]:
        """The lines of a statement list, indented."""
        lines: list[str] = []
        for statement in statements.statements if statements is not None else ():
            lines += getattr(self, f"_{type(statement).__name__}")(statement, depth)
        return lines or ["    " * depth + "pass"]

    def _AssignmentStatement(self, node: Any, depth: int) -> list[str]:  # noqa: N802
        (variable,) = node.variables
        target, value = self.expression(variable), self.expression(node.expression)
        _check_assignable(target.type, value, f"{self._unit.name}: {target.source}")
        source = value.source if isinstance(target.type, str) else f"copied({value.source})"
        pad = "    " * depth
        if target.element_of is not None:
            array, index = target.element_of
            return [f"{pad}{target.source}  # raises out of range", f"{pad}{array}[{index}] = {source}"]
        return [f"{pad}{target.source} = {source}"]

    def _IfStatement(self, node: Any, depth: int) -> list[str]:  # noqa: N802
        pad = "    " * depth
        lines = [f"{pad}if {self._condition(node.if_expression)}:", *self.block(node.statements, depth + 1)]
        for clause in node.else_ifs or ():
            lines += [f"{pad}elif {self._condition(clause.if_expression)}:", *self.block(clause.statements, depth + 1)]
        if node.else_clause is not None:
            lines += [f"{pad}else:", *self.block(node.else_clause.statements, depth + 1)]
        return lines

    def _ForStatement(self, node: Any, depth: int) -> list[str]:  # noqa: N802
        control = self.expression(node.control)
        bounds = [self.expression(bound) for bound in (node.from_, node.to)]
        for bound in bounds:
            _check_assignable(control.type, bound, f"{self._unit.name}: FOR {control.source}")
        if node.step is not None:
            raise StructuredTextError("FOR with BY")
        head = f"{'    ' * depth}for {control.source} in range({bounds[0].source}, {bounds[1].source} + 1):"
        return [head, *self.block(node.statements, depth + 1)]

    def _WhileStatement(self, node: Any, depth: int) -> list[str]:  # noqa: N802
        return [f"{'    ' * depth}while {self._condition(node.expression)}:", *self.block(node.statements, depth + 1)]

    def _FunctionCallStatement(self, node: Any, depth: int) -> list[str]:  # noqa: N802
        callee = self.expression(node.name)
        inputs = self._inputs_of(callee.type)
        arguments: list[str] = []
        for parameter in node.parameters:
            name = str(parameter.name.name).lower()
            value = self.expression(parameter.value)
            if name not in inputs:
                raise StructuredTextError(f"{callee.type} has no input {name}")
            _check_assignable(inputs[name], value, f"{callee.source}({name})")
            source = value.source if isinstance(inputs[name], str) else f"copied({value.source})"
            arguments.append(f"{name!r}: {source}")
        return [f"{'    ' * depth}{callee.source}(**{{{', '.join(arguments)}}})"]

    def _inputs_of(self, kind: Type) -> Mapping[str, Type]:
        if isinstance(kind, str) and kind in _STANDARD:
            return _STANDARD[kind][1]
        if isinstance(kind, str) and kind in self._program.units:
            unit = self._program.units[kind]
            return {name: unit.variables[name] for name in unit.inputs}
        raise StructuredTextError(f"{kind} cannot be called")

    def _condition(self, node: Any) -> str:
        value = self.expression(node)
        if value.type != "BOOL":
            raise StructuredTextError(f"{self._unit.name}: {value.source} is a {value.type}, not a BOOL")
        return value.source

    def expression(self, node: Any) -> _Expression:
        """A node as a Python expression of a known type."""
        return getattr(self, f"_{type(node).__name__}")(node)

    def _Integer(self, node: Any) -> _Expression:  # noqa: N802
        return _Expression(str(int(str(node.value))), (node.type_name and str(node.type_name)) or "INT", literal=True)

    def _Real(self, node: Any) -> _Expression:  # noqa: N802
        return _Expression(repr(_single(float(str(node.value)))), "REAL")

    def _Boolean(self, node: Any) -> _Expression:  # noqa: N802
        return _Expression(str(node.value).capitalize(), "BOOL")

    def _Duration(self, node: Any) -> _Expression:  # noqa: N802
        scales = {"days": 86_400_000, "hours": 3_600_000, "minutes": 60_000, "seconds": 1000, "milliseconds": 1}
        total_ms = sum(float(getattr(node, name) or 0) * scale for name, scale in scales.items())
        return _Expression(str(round(total_ms * 1000)), "TIME")

    def _ParenthesizedExpression(self, node: Any) -> _Expression:  # noqa: N802
        inner = self.expression(node.expr)
        return _Expression(f"({inner.source})", inner.type, inner.literal)

    def _SimpleVariable(self, node: Any) -> _Expression:  # noqa: N802
        name = str(node.name).lower()
        if name not in self._unit.variables:
            raise StructuredTextError(f"{self._unit.name} declares no {name}")
        return _Expression(f"self.{name}", self._unit.variables[name])

    def _MultiElementVariable(self, node: Any) -> _Expression:  # noqa: N802
        value = self.expression(node.name)
        for element in node.elements:
            if type(element).__name__ == "SubscriptList":
                (subscript,) = element.subscripts
                index = self.expression(subscript)
                if not isinstance(value.type, ArrayType) or not (index.literal or index.type in _INTEGERS):
                    raise StructuredTextError(f"{value.source}[{index.source}] is no element of an array")
                assert value.type.first == 0
                place = (value.source, index.source)
                value = _Expression(f"element({', '.join(place)})", value.type.element, element_of=place)
            else:
                name = str(element.field.name).lower()
                value = _Expression(f"{value.source}.{name}", self._field(value.type, name))
        return value

    def _field(self, kind: Type, name: str) -> Type:
        fields: Mapping[str, Type] = {}
        if isinstance(kind, StructType):
            fields = kind.fields
        elif isinstance(kind, str) and kind in _STANDARD:
            fields = {**_STANDARD[kind][1], **_STANDARD[kind][2]}
        elif isinstance(kind, str) and kind in self._program.units:
            fields = self._program.units[kind].variables
        if name not in fields:
            raise StructuredTextError(f"{kind} has no {name}")
        return fields[name]

    def _UnaryOperation(self, node: Any) -> _Expression:  # noqa: N802
        value = self.expression(node.expr)
        if str(node.op).upper() != "NOT" or value.type != "BOOL":
            raise StructuredTextError(f"{node.op} {value.source}")
        return _Expression(f"(not {value.source})", "BOOL")

    def _BinaryOperation(self, node: Any) -> _Expression:  # noqa: N802
        left, right, operator = self.expression(node.left), self.expression(node.right), str(node.op).upper()
        kind = right.type if left.literal else left.type
        for side in (left, right):
            _check_assignable(kind, side, f"{self._unit.name}: {left.source} {operator} {right.source}")
        if operator in _COMPARISONS:
            return _Expression(f"({left.source} {_COMPARISONS[operator]} {right.source})", "BOOL")
        if operator in _LOGIC and kind == "BOOL":
            return _Expression(f"({left.source} {_LOGIC[operator]} {right.source})", "BOOL")
        if kind == "REAL" and operator in ("+", "-", "*", "/"):
            return _Expression(f"f32({left.source} {operator} {right.source})", kind)
        if kind == "TIME" and operator == "+":
            return _Expression(f"({left.source} + {right.source})", kind)
        if isinstance(kind, str) and kind in _UNSIGNED and operator in ("+", "-", "*"):
            mask = (1 << _UNSIGNED[kind]) - 1
            return _Expression(f"(({left.source} {operator} {right.source}) & {mask})", kind)
        if kind in _UNSIGNED and operator in ("/", "MOD"):
            return _Expression(f"({left.source} {'//' if operator == '/' else '%'} {right.source})", kind)
        if isinstance(kind, str) and kind in _SIGNED and operator in ("+", "-"):
            return _Expression(f"fits({left.source} {operator} {right.source}, {kind!r})", kind)
        raise StructuredTextError(f"{self._unit.name}: {left.source} {operator} {right.source} of {kind}")

    def _FunctionCall(self, node: Any) -> _Expression:  # noqa: N802
        name = str(node.name.name).upper()
        arguments = [self.expression(parameter.value) for parameter in node.parameters]
        conversion = re.fullmatch(r"(\w+)_TO_(\w+)", name)
        if name in self._program.units:
            inputs = self._inputs_of(name)
            given = [str(parameter.name.name).lower() for parameter in node.parameters]
            for parameter, argument in zip(given, arguments, strict=True):
                _check_assignable(inputs[parameter], argument, f"{name}({parameter})")
            source = ", ".join(f"{n}={a.source}" for n, a in zip(given, arguments, strict=True))
            returns = self._program.units[name].returns
            assert returns is not None
            return _Expression(f"call_{name}({source})", returns)
        if conversion:
            (argument,) = arguments
            _check_assignable(conversion[1], argument, name)
            return _Expression(_converted(argument.source, conversion[1], conversion[2]), conversion[2])
        if name in ("ABS", "MIN", "MAX"):
            kinds = {argument.type for argument in arguments if not argument.literal}
            if len(kinds) == 1:
                return _Expression(f"{name.lower()}({', '.join(a.source for a in arguments)})", kinds.pop())
        raise StructuredTextError(f"{self._unit.name}: {name}({', '.join(a.source for a in arguments)})")


def _converted(source: str, given: str, wanted: str) -> str:
    if (given, wanted) in _REINTERPRETED:
        return f"signed({source})" if wanted == "DINT" else f"({source} & {0xFFFF_FFFF})"
    if wanted == "REAL" and given in _INTEGERS:
        return f"f32(float({source}))"
    if given == "REAL" and wanted in _INTEGERS:
        return f"fits(round({source}), {wanted!r})"  # half to even, as IEC 60559 and Python round
    if (given in _INTEGERS or given == "BOOL") and wanted in _INTEGERS:
        return f"fits(int({source}), {wanted!r})"
    raise StructuredTextError(f"{given}_TO_{wanted}")


def _check_assignable(kind: Type, value: _Expression, where: str) -> None:
    if value.literal and isinstance(kind, str) and kind in _INTEGERS:
        _fits(int(value.source.strip("()")), kind)
    elif value.type != kind:
        raise StructuredTextError(f"{where}: a {value.type} where a {kind} belongs ({value.source})")


def _single(value: float) -> float:
    return struct.unpack("f", struct.pack("f", value))[0]


def _signed(value: int) -> int:
    return value - 0x1_0000_0000 if value >= 0x8000_0000 else value


def _element(array: list[Any], index: int) -> Any:
    if not 0 <= index < len(array):
        raise StructuredTextError(f"index {index} of an array of {len(array)}")
    return array[index]


def _fits(value: int, kind: str) -> int:
    bits = _INTEGERS[kind]
    low, high = (0, 1 << bits) if kind in _UNSIGNED else (-(1 << bits - 1), 1 << bits - 1)
    if not low <= value < high:
        raise StructuredTextError(f"{value} does not fit a {kind}")
    return value


def _copied(value: Any) -> Any:
    return [_copied(item) for item in cast("list[Any]", value)] if isinstance(value, list) else copy(value)
