"""GiftBridge: every gift from RaiseDonors in the CRM exactly once, and a reason for every record.

errors      what can go wrong, named by what happens next
domain      the rules: values in, decision out (matching, mapping, notes, a delivery's life)
clients     one module for each outside system; it owns that system's wire format both ways
store       the DynamoDB tables: crm-keys, deliveries, activity, state
flows       the order of the steps, one file for each Lambda function
assembly    the one place that reads the environment and puts the parts together
"""
