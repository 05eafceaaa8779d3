"""The whole product on a local AWS without Docker: the real template, deployed to an emulator."""
