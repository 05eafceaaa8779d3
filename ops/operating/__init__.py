"""What a person can do with a deployed or local stack. Nothing here prints: the command and the console both use it."""
