"""Tools for people at a terminal; never deployed."""
