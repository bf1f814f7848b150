"""Prefers nodes with idle CPU: the example to change into a policy of your own.

Every call runs in a fresh copy of this program: nothing that it keeps is there in the next one.
"""

from wit_world import exports
from wit_world.imports.types import (
    Description,
    NumberParameter,
    Parameter,
    ParameterKind_Number,
    Part,
    Request,
    Value,
)


class Scoring(exports.Scoring):
    def describe(self) -> Description:
        return Description(
            name="{{name}}",
            version="1.0.0",
            summary="Prefers nodes with idle CPU.",
            # What the host shall tell: see `needs` in wit/policy.wit for all there is.
            needs=["node.cpu-allocatable", "node.cpu-requested"],
            # What an operator may set.
            parameters=[
                Parameter(
                    name="reserve",
                    summary="Cores to leave idle on every node.",
                    kind=ParameterKind_Number(NumberParameter(default=0.0, minimum=0.0, maximum=64.0)),
                )
            ],
        )

    def check(self, parameters: list[Value]) -> None:
        """To refuse parameters that make no sense together: raise componentize_py_types.Err(text)."""

    def score(self, request: Request) -> list[float]:
        """One number per candidate, higher is better, in any unit."""
        allocatable, requested = (column.value for column in request.columns)
        reserve = request.parameters[0].value
        return [allocatable[node] - requested[node] - reserve for node in range(request.candidates)]

    def explain(self, request: Request, node: int) -> list[Part]:
        """What one node's score is made of, for people who ask why."""
        allocatable, requested = (column.value for column in request.columns)
        return [
            Part(None, "allocatable cores", allocatable[node]),
            Part(None, "requested cores", -requested[node]),
            Part(None, "reserved cores", -request.parameters[0].value),
        ]
