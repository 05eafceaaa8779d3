"""The web console: pages over what ops/operating can do, for one operator on one machine."""
