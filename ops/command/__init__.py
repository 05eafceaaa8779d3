"""The `giftbridge` command: one module for each group of verbs, listed in main.py."""
