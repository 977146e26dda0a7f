"""How the nets are taught: data, augmentation, training, export. The only place that needs torch."""
