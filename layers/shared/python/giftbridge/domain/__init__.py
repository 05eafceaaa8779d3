"""The rules of GiftBridge, pure: values in, decision out. No I/O, no clock, no logging."""
