"""Letters of the entrance: queued with the request's transaction, with links that carry their token out of sight.

The token stands in the link's fragment, which browsers neither send to a server nor pass on as a referrer.
"""

from __future__ import annotations

from drovi_api.entrance import Visit
from resources import letters
from resources.letters import Value
from resources.mailer import Locale, TemplateName


def send(
    visit: Visit,
    template: TemplateName,
    *,
    to: str,
    locale: Locale,
    page: str,
    token: str = "",
    **values: Value,
) -> None:
    """Queue a letter about the person, with a link to a page of ours and the token that it is to show."""
    values["link"] = f"{visit.runtime.public_url}/{page}" + (f"#token={token}" if token else "")
    letters.queue(
        visit.connection, visit.runtime.secrets, to=to, locale=locale, template=template, values=values
    )
