"""The catalogue: every number the product shows, by name. A plain dict; what is not in it is not a number of ours."""

from metrics import (
    activity,
    arpu,
    bridge,
    cohorts,
    concentration,
    cycle,
    forecast,
    funnel,
    incidence,
    ltv,
    movements,
    nps,
    pipeline,
    promotion,
    renewals,
    retention,
    survival,
    value,
    winning,
)
from metrics.metric import Metric

MODULES = (
    nps,
    retention,
    movements,
    cohorts,
    survival,
    activity,
    renewals,
    arpu,
    bridge,
    ltv,
    concentration,
    value,
    promotion,
    funnel,
    winning,
    incidence,
    cycle,
    pipeline,
    forecast,
)
CATALOGUE: dict[str, Metric] = {metric.name: metric for module in MODULES for metric in module.METRICS}
