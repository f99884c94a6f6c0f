"""Letters of the entrance: queued with the request's transaction, with links that carry their token out of sight.

The token stands in the link's fragment, which browsers neither send to a server nor pass on as a referrer.
"""

from __future__ import annotations

from drovi_api.entrance import Visit
from resources import letters
from resources.identity.people import Locale


def send(
    visit: Visit,
    template: str,
    *,
    to: str,
    locale: Locale,
    link: tuple[str, str] | None = None,
    **values: str,
) -> None:
    """Queue a letter about the person; ``link`` is a page of ours and the token it is to show."""
    if link is not None:
        page, token = link
        values["link"] = f"{visit.runtime.public_url}/{page}#token={token}"
    letters.queue(
        visit.connection, visit.runtime.secrets, to=to, locale=locale, template=template, values=values
    )
