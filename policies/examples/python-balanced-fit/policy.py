"""Keeps CPU and memory of every node evenly used, so that neither is left over where the other has run out.

    score = 1 - |share of the CPU - share of the memory|, once the pod is there

A difference up to the parameter `tolerance` counts as none. A node without capacity, or on which the pod does not fit,
scores 0.
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

NEEDS = [
    "node.cpu-allocatable",
    "node.cpu-requested",
    "node.memory-allocatable",
    "node.memory-requested",
    "pod.cpu-request",
    "pod.memory-request",
]


def share(requested: float, wanted: float, allocatable: float) -> float:
    """What is requested of a node once the pod is there; above 1 it does not fit."""
    return (requested + wanted) / allocatable if allocatable > 0 else 2.0


def shares(request: Request) -> list[tuple[float, float]]:
    cpu, cpu_requested, memory, memory_requested, pod_cpu, pod_memory = (
        column.value for column in request.columns
    )
    wanted_cpu, wanted_memory = pod_cpu[0], pod_memory[0]
    return [
        (
            share(cpu_requested[node], wanted_cpu, cpu[node]),
            share(memory_requested[node], wanted_memory, memory[node]),
        )
        for node in range(request.candidates)
    ]


def balance(of_cpu: float, of_memory: float, tolerance: float) -> float:
    if of_cpu > 1 or of_memory > 1:
        return 0.0
    difference = abs(of_cpu - of_memory)
    return 1 - difference if difference > tolerance else 1.0


class Scoring(exports.Scoring):
    def describe(self) -> Description:
        return Description(
            name="balanced-fit",
            version="1.0.0",
            summary="Prefers nodes whose CPU and memory are evenly used with the pod.",
            needs=NEEDS,
            parameters=[
                Parameter(
                    name="tolerance",
                    summary="Largest difference of the two shares, from 0 to 1, that counts as none.",
                    kind=ParameterKind_Number(NumberParameter(default=0.0, minimum=0.0, maximum=1.0)),
                )
            ],
        )

    def check(self, parameters: list[Value]) -> None:
        pass

    def score(self, request: Request) -> list[float]:
        tolerance = request.parameters[0].value
        return [balance(of_cpu, of_memory, tolerance) for of_cpu, of_memory in shares(request)]

    def explain(self, request: Request, node: int) -> list[Part]:
        of_cpu, of_memory = shares(request)[node]
        amount = balance(of_cpu, of_memory, request.parameters[0].value)
        return [Part(None, f"balance of {of_cpu:.0%} CPU and {of_memory:.0%} memory", amount)]
