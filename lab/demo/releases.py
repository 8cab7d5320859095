"""What the demo releases, and what must become of each."""

from lab.product.deliveries import Release
from lab.product.measure import PROMOTED, ROLLED_BACK

RELEASES = (
    Release(1, "good", "good", PROMOTED),
    Release(2, "fail:50", "fails 50 % of requests", ROLLED_BACK),
    Release(3, "fail:5", "fails 5 % of requests", ROLLED_BACK),
    Release(4, "never-ready", "never becomes ready", ROLLED_BACK),
)
