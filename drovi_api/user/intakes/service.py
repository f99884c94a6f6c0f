"""Whose an intake is: what came to it, and its secret, are its source's owner's to change."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.runtime import ApiRuntime
from drovi_api.user.connections.service import own
from drovi_api.user.intakes.schemas import Intake, NewSecret, OpenedIntake
from drovi_assets.connectors.intakes import replace_secret, row_of
from resources.audit import Action
from resources.clock import now


def one(session: ReadSession, connection_id: UUID) -> Intake:
    """The intake of a source. Raises NotFound where there is no such source for the caller, or it is not pushed to."""
    return Intake.model_validate(row_of(session.connection, connection_id), from_attributes=True)


def rotate(session: WriteSession, runtime: ApiRuntime, connection_id: UUID, new: NewSecret) -> OpenedIntake:
    """Give a source another secret.

    Raises:
        NotFound: there is no such source for the caller, or it is not pushed to.
        Forbidden: it is somebody else's.
    """
    own(session, connection_id)
    overlap = timedelta(hours=new.overlap_hours)
    opened = replace_secret(session.connection, runtime.secrets, connection_id, overlap=overlap, now=now())
    after = {"overlap_hours": new.overlap_hours}
    session.audit(Action.CONNECTION_SECRET_REPLACED, "connection", connection_id, after=after)
    return OpenedIntake.of(opened, runtime.public_url)
