"""What a workspace holds, in the formats of other tools: GeoJSON, CSV, GeoParquet, STAC, STIX.

formats     what there is
values      what is exported, gathered elsewhere
features    GeoJSON for QGIS and the web
table       one row for each measurement; CSV
parquet     the same rows with the outlines of their zones
items       a STAC ItemCollection of the usable looks
stix        a STIX 2.1 bundle: places, looks, alerts, claims and opinions on them
writing     files that are there whole or not at all

Everything but `writing` turns values into text or bytes. Nothing is imported here: the slow libraries behind some of
the formats are for those who ask for them.
"""
