"""What was read from sources: records and the source items they were made from."""
