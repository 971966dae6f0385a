"""A STIX 2.1 bundle of what was looked at, what changed, what was said, and what the looks say of it.

AOI, zone            location; the outline in a property extension
tool, who said it    identity
usable look          observed-data of a custom cyber observable
claim                custom domain object
incident             sighting of each claim whose expectation it meets; else a note on the place
assessment           opinion on its claim; none where the claim cannot be observed
all of it            report; credits are statement markings

A sighting with a count of 0 says that the opposite was seen. Where nothing usable came there is no sighting at all:
not to have looked is not to have seen nothing.
"""

from monitor.exports.stix.bundle import bundle

__all__ = ["bundle"]
