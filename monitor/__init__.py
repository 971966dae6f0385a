"""quaywatch: watches places from public satellite imagery and tests what has been said about them."""

__version__ = "0.1.0"
