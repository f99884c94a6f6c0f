"""Letters of an organisation: queued with the act they tell of, and gone with the organisation."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, true

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.runtime import ApiRuntime
from resources import letters
from resources.letters import Letter
from resources.mailer import Locale
from resources.schema import app_user, organisation


@dataclass(frozen=True, slots=True)
class Sender:
    """In whose name, and for which organisation, a letter goes out."""

    name: str
    locale: Locale
    organisation: str


def sender(session: ReadSession) -> Sender:
    """The caller."""
    query = (
        select(app_user.c.name, app_user.c.locale, organisation.c.name.label("organisation"))
        .select_from(app_user.join(organisation, true()))
        .where(app_user.c.id == session.principal.user_id, organisation.c.id == session.principal.org_id)
    )
    row = session.one(query, "member")
    return Sender(row.name, row.locale, row.organisation)


def send(session: WriteSession, runtime: ApiRuntime, *waiting: Letter) -> None:
    """Queue them."""
    letters.queue_all(session.connection, runtime.secrets, waiting, org_id=session.principal.org_id)
