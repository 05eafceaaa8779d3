"""The DynamoDB tables behind GiftBridge, one module for each table."""
