"""Recording a line into an MCAP file, and what to make of one afterwards."""
