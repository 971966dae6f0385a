"""Evidence of one step of an alert, or of one assessment: a folder of files that stands by itself.

<evidence>/<name>/manifest.json     sealed: the size and SHA-256 of every other file
<evidence>/<name>/...               what the alert rests on, in files that other programs read, too

It can be copied anywhere. `verify` names every file that is not as it was written.
"""

from monitor.evidence.bundle import MANIFEST, Bundle, BundleKind, Manifest, is_harmless, manifest_of, name_of
from monitor.evidence.checking import Fault, Finding, find, manifest_sha256, of_claim, read, verify
from monitor.evidence.values import Difference, as_json, differences, leaves, parsed, plain
from monitor.evidence.writing import folder_of, write

__all__ = [
    "MANIFEST",
    "Bundle",
    "BundleKind",
    "Difference",
    "Fault",
    "Finding",
    "Manifest",
    "as_json",
    "differences",
    "find",
    "folder_of",
    "is_harmless",
    "leaves",
    "manifest_of",
    "manifest_sha256",
    "name_of",
    "of_claim",
    "parsed",
    "plain",
    "read",
    "verify",
    "write",
]
