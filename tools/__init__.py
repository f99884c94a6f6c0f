"""What maintainers run: system packages, the lock, the generated reference, the smoke test."""
