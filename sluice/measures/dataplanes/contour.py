"""Contour: Envoy's statistics, by the names that Contour gives to Envoy's clusters."""

from __future__ import annotations

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side
from sluice.measures.objective import Telemetry


def contour(canary: Canary) -> Telemetry:
    """Requests by cluster: one cluster for each Service of a side."""
    name, port = f"{canary.namespace}_{canary.service_name}", canary.spec.service.port
    return Telemetry(
        total="envoy_cluster_upstream_rq_xx",
        buckets="envoy_cluster_upstream_rq_time_bucket",
        side_label="envoy_cluster_name",
        canary=f"{name}-{Side.CANARY}_{port}",
        primary=f"{name}-{Side.PRIMARY}_{port}",
        baseline=f"{name}-{Side.BASELINE}_{port}",
        bad={"envoy_response_code_class": "5"},
        # A route without a backend that can be found is a direct response of 500 to Contour; a cluster that Envoy does not
        # have (any more) is one of 503. Neither is counted for a cluster, both for the listener.
        unserved=("envoy_http_rq_direct_response", "envoy_http_no_cluster"),
        unserved_label="envoy_http_conn_manager_prefix",
    )
