"""The order of the steps: one module for each Lambda function, under the same name."""
