"""What is measured, and the command that measures it: `senbetsu bench [NAME...] [--json]`.

Every figure stands beside a floor or a peer measured in the same run, and the ratio is what counts:
the machines differ. A benchmark is a function without arguments that returns a JSON-able dict with
`figures` ({name: {"value", "unit", "target", "met"}}) and `floor` (what it is measured against).
"""
