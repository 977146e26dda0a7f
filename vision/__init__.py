"""Frames in, parts out: sources, segmentation, classification, tracking."""
