"""Stand-ins for RaiseDonors, Aegis and Virtuous that keep to the wire contracts, with faults on demand.

They share no code with the product, so that they can serve as independent witnesses of what it did.
"""
