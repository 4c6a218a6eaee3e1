"""Standards, cleaning, quality, gates, lineage and classification of what was loaded."""
