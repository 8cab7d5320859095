"""What rollouts cost is read from the kernel and from the API server's own counters."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.scale.cost import requests, usage

METRICS = """# TYPE apiserver_flowcontrol_dispatched_requests_total counter
apiserver_flowcontrol_dispatched_requests_total{flow_schema="bench-1-pods-list",priority_level="workload-low"} 12
apiserver_flowcontrol_dispatched_requests_total{flow_schema="bench-1-canaries-write",priority_level="workload-low"} 3
apiserver_flowcontrol_dispatched_requests_total{flow_schema="probes",priority_level="exempt"} 99
"""


def test_requests_are_counted_by_kind_and_verb_of_sluice_alone() -> None:
    assert requests.parse(METRICS, "bench-1") == {"pods list": 12, "canaries write": 3}


def test_requests_between_two_counts_come_most_frequent_first() -> None:
    found = requests.since({"pods list": 2, "gone": 1}, {"canaries write": 3, "pods list": 12, "gone": 1})

    assert list(found.items()) == [("pods list", 10), ("canaries write", 3)]


def test_a_process_is_counted_with_its_children_but_not_with_other_groups() -> None:
    parents = {1: 0, 10: 1, 11: 10, 12: 10, 13: 12}

    assert usage.tree(10, parents) == {10, 11, 12, 13}
    assert usage.tree(10, parents, others=[12]) == {10, 11}


def test_cpu_and_memory_of_a_process_are_those_of_the_kernel() -> None:
    busy = "import sys\nfor _ in range(3_000_000): pass\nprint('done', flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        used = usage.cpu_seconds({"child": [child.pid], "bench": [os.getpid()]})
        assert used["child"] > 0
        assert 1 < usage.pss_mib([child.pid]) < 200
        assert child.stdin is not None
        child.stdin.close()


def test_a_process_that_is_gone_costs_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pass
    assert usage.pss_mib([child.pid]) == 0
    assert usage.cpu_seconds({"gone": [child.pid]}) == {"gone": 0}
