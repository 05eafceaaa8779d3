"""What runs inside the emulator process, with the emulator's interpreter. Imports nothing but it and the stdlib."""
