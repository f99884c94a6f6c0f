"""The audit log, the platform's and an organisation's; reading it is an entry as well."""
