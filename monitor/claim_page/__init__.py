"""What is printed about a claim that was judged: sentences that can be quoted, and one self-contained HTML page."""

from monitor.claim_page.facts import ClaimFacts, Named
from monitor.claim_page.page import render_claim
from monitor.claim_page.sentences import base, compared, concluded, expected, headline, missing, outcome_of

__all__ = [
    "ClaimFacts",
    "Named",
    "base",
    "compared",
    "concluded",
    "expected",
    "headline",
    "missing",
    "outcome_of",
    "render_claim",
]
