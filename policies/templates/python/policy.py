"""Prefers nodes that run peers, then nodes with idle CPU: the example to change into a policy of your own.

Every call runs in a fresh copy of this program: nothing that it keeps is there in the next one.
"""

from collections.abc import Iterator

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
            summary="Prefers nodes that run peers, then nodes with idle CPU.",
            # What the host tells the policy: see `needs` in wit/policy.wit for all there is.
            needs=["peers", "node.cpu-allocatable", "node.cpu-requested"],
            # What an operator may set.
            parameters=[
                Parameter(
                    name="idle-core",
                    summary="What an idle core is worth, in bytes per second.",
                    kind=ParameterKind_Number(NumberParameter(default=100.0, minimum=0.0, maximum=1e9)),
                )
            ],
        )

    def check(self, parameters: list[Value]) -> None:
        """To refuse parameters that make no sense together: raise componentize_py_types.Err(text)."""

    def score(self, request: Request) -> list[float]:
        """One number per candidate, higher is better, in any unit; here bytes per second."""
        scores = idle_cores(request)
        for _, traffic, node, pods in placements(request):
            scores[node] += traffic * pods
        return scores

    def explain(self, request: Request, node: int) -> list[Part]:
        """What one node's score is made of, for people who ask why."""
        parts = [Part(None, "idle cores", idle_cores(request)[node])]
        for peer, traffic, there, pods in placements(request):
            if there == node:
                parts.append(Part(peer, "traffic", traffic * pods))
        return parts[:256]


def idle_cores(request: Request) -> list[float]:
    """What each candidate's idle cores are worth. Columns have the order of the needs; `peers` is not one of them."""
    allocatable, requested = (column.value for column in request.columns)
    worth = request.parameters[0].value
    return [worth * (allocatable[node] - requested[node]) for node in range(request.candidates)]


def placements(request: Request) -> Iterator[tuple[int, float, int, int]]:
    """For every node that runs pods of a peer: the peer, its traffic in bytes per second, the node, how many pods."""
    peers = request.peers
    for peer, (outbound, inbound) in enumerate(zip(peers.outbound, peers.inbound)):
        for at in range(peers.first[peer], peers.first[peer + 1]):
            yield peer, outbound + inbound, peers.node[at], peers.pods[at]
