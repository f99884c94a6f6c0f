"""The platform's one mailer: what a mail says (``templates``), what it is (``message``), how it leaves (``transports``).

It knows no database: who sends keeps the queue of what is still to be sent, with each mail's idempotency key.
"""

from resources.mailer.locales import Locale
from resources.mailer.message import Mail
from resources.mailer.templates import Rendered, TemplateName, render
from resources.mailer.transports import Mailer, NoMailer, open_mailer

__all__ = ["Locale", "Mail", "Mailer", "NoMailer", "Rendered", "TemplateName", "open_mailer", "render"]
