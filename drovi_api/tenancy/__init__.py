"""The organisation itself: settings, people, policies, keys, audit log, and its duties to keep, erase and hand out.

One folder a feature, as in ``user``.
"""
