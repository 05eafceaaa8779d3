"""A busy day on the local stack, judged by a tally that shares no code with the product."""
