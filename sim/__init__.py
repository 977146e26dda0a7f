"""The plant in software: belt, feed, optics, jets, outlets, virtual PLC and its servers."""
