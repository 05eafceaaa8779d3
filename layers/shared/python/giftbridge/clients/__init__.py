"""One module for each outside system. It owns the wire format both ways; siblings never import each other."""
