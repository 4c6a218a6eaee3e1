"""Segment: tiers, life cycle, stable clusters, and audiences by rule."""
