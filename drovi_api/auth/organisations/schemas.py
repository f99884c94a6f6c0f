"""The shapes of founding an organisation."""

from __future__ import annotations

from drovi_api.auth.shapes import Input, OrganisationName


class NewOrganisation(Input):
    """What it takes to found one."""

    name: OrganisationName
