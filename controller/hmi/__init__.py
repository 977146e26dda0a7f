"""The operators' page, in a process of its own: it may crash freely and the line runs on."""
