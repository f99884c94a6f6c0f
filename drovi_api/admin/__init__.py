"""The administration of the platform: an application of its own, with its own cookie, for administrators alone.

Nothing here takes a user's session or key, and nothing outside takes an administrator's. One folder a feature, as in
``user``; every act leaves an entry in the audit log, which :mod:`drovi_api.admin.dependencies` sees to.
"""
