"""The catalogue: every number the product shows, by name. A plain dict; what is not in it is not a number of ours."""

from metrics import nps
from metrics.metric import Metric

MODULES = (nps,)
CATALOGUE: dict[str, Metric] = {metric.name: metric for module in MODULES for metric in module.METRICS}
