"""What stands still until somebody releases it."""
