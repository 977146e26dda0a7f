"""Rendered small-appliance parts and the belt they lie on, shared by the plant and by training."""
