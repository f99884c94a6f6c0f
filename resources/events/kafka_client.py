"""Clients of Kafka: how one is set up, what its errors mean here, and when a broker that is down is left alone."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException

from resources.errors import (
    CredentialExpired,
    DroviError,
    NotConfigured,
    PermissionMissing,
    ProviderDown,
    TimedOut,
    Transient,
)
from resources.settings import Settings
from resources.telemetry import get_logger

CALL_SECONDS: Final = 5.0
"""What one question to the brokers may take."""
REST_SECONDS: Final = 10.0
INITIALISE: Final = "Run `drovi events init`."
_log = get_logger(__name__)

_LOGIN = {KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED}  # noqa: SLF001 - the library's spelling of its own codes
_SET_UP = {
    KafkaError._SSL,  # noqa: SLF001 - as above
    KafkaError.UNSUPPORTED_SASL_MECHANISM,
    KafkaError.ILLEGAL_SASL_STATE,
    KafkaError._INVALID_ARG,  # noqa: SLF001 - as above
}
_FORBIDDEN = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
_MISSING = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - as above
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - as above
    KafkaError._NOENT,  # noqa: SLF001 - how a topic without leaders is told
}
_SLOW = {
    KafkaError._TIMED_OUT,  # noqa: SLF001 - as above
    KafkaError._MSG_TIMED_OUT,  # noqa: SLF001 - as above
    KafkaError._TIMED_OUT_QUEUE,  # noqa: SLF001 - as above
    KafkaError.REQUEST_TIMED_OUT,
}


def client_settings(settings: Settings) -> dict[str, Any]:
    """What every client is set up with: where the brokers are, how to log in, and time-outs.

    Raises:
        NotConfigured: a login is asked for and not given, or a certificate without its key.
    """
    options: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "client.id": "drovi",
        "security.protocol": settings.kafka_security_protocol,
        "socket.timeout.ms": int(CALL_SECONDS * 1000),
        "socket.connection.setup.timeout.ms": int(CALL_SECONDS * 1000),
        "reconnect.backoff.max.ms": 2000,
        # Each attempt to connect would be a line, ten a second: what matters is told aside or comes as an error.
        "log_level": 2,
        "logger": logging.getLogger("librdkafka"),
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        password = settings.kafka_sasl_password.get_secret_value()
        if not settings.kafka_sasl_username or not password:
            raise NotConfigured(
                "Kafka is to be logged in to, and no login is given.",
                remedy="Set KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.",
            )
        options |= {
            "sasl.mechanism": settings.kafka_sasl_mechanism,
            "sasl.username": settings.kafka_sasl_username,
            "sasl.password": password,
        }
    if bool(settings.kafka_ssl_certificate_location) != bool(settings.kafka_ssl_key_location):
        raise NotConfigured(
            "A certificate and its key are shown to Kafka together.",
            remedy="Set both KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION, or neither.",
        )
    files = {
        "ssl.ca.location": settings.kafka_ssl_ca_location,
        "ssl.certificate.location": settings.kafka_ssl_certificate_location,
        "ssl.key.location": settings.kafka_ssl_key_location,
    }
    return options | {name: place for name, place in files.items() if place}


def fault(error: KafkaError, doing: str) -> DroviError:
    """An error of the client's as one of ours, without its words: they name brokers, and callers may be anybody."""
    code = error.code()
    if code in _LOGIN:
        return CredentialExpired(
            "Kafka does not accept Drovi's login.",
            remedy="Correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.",
        )
    if code in _SET_UP:
        return NotConfigured(
            f"Kafka cannot be spoken to as it is set up ({error.name()}).",
            remedy="Check KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_MECHANISM and the KAFKA_SSL_* files.",
        )
    if code in _FORBIDDEN:
        return PermissionMissing(
            f"Kafka forbids {doing}.",
            remedy="Let Drovi's user read, write and describe its topics and commit for its groups.",
        )
    if code in _MISSING:
        return NotConfigured(f"A topic is missing in Kafka, or partitions of it: {doing}.", remedy=INITIALISE)
    if code == KafkaError.MSG_SIZE_TOO_LARGE:
        return NotConfigured("Kafka takes only smaller events than Drovi's.", remedy=INITIALISE)
    if code in _SLOW:
        return TimedOut(f"Kafka did not answer in time: {doing}.")
    return ProviderDown(f"Kafka failed at {doing} ({error.name()}).")


class Brokers:
    """What is known of the brokers' state, shared by the clients of one log.

    Why they cannot be talked to is told to a client aside, while what was asked only times out: ``told`` keeps it, so
    that a person hears the reason, in the error where they can act on it and in the log. Where brokers do not answer, callers are sent away at once for ``rest_seconds``: a
    tick has other work than to wait for each topic in turn.
    """

    def __init__(self, options: Mapping[str, Any], rest_seconds: float = REST_SECONDS) -> None:
        self.options = {**options, "error_cb": self.told}
        self._rest_seconds = rest_seconds
        self._lock = threading.Lock()
        self._told: KafkaError | None = None
        self._resting: tuple[float, DroviError] | None = None

    def told(self, error: KafkaError) -> None:
        """A client's callback."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - as above; it follows the reason
            self._told = error

    @contextmanager
    def asked(self, doing: str) -> Iterator[None]:
        """Around every call.

        Raises:
            Transient: the brokers do not answer, or did not a moment ago.
            NeedsPerson: they do not let us in, or lack a topic.
        """
        with self._lock:
            if self._resting is not None and time.monotonic() < self._resting[0]:
                raise self._resting[1]
        try:
            yield
        except KafkaException as error:
            raise self._noted(fault(error.args[0], doing)) from error
        except Transient as error:
            raise self._noted(error) from error.__cause__
        with self._lock:
            self._resting = self._told = None

    def _noted(self, error: DroviError) -> DroviError:
        with self._lock:
            if not isinstance(error, Transient):
                return error
            told, self._told = self._told, None
            if told is not None:
                _log.warning("Kafka does not answer", reason=told.str())
                error = fault(told, "logging in") if told.code() in _LOGIN | _SET_UP else error
            self._resting = (time.monotonic() + self._rest_seconds, error)
            return error
