"""Where everything meets, and nothing else: the command line, the Dagster definitions, the platform's processes."""
