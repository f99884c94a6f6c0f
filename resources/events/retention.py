"""How long each topic's events are kept, whatever carries them."""

from __future__ import annotations

from dataclasses import dataclass

from resources.events.envelope import Topic
from resources.settings import Settings


@dataclass(frozen=True, slots=True)
class Retention:
    """In days. Events with content in them go first, dead or not: no log but the one in Postgres can erase one of them."""

    content_days: int = 7
    days: int = 30
    dead_days: int = 90

    @classmethod
    def of(cls, settings: Settings) -> Retention:
        """As the settings have it."""
        return cls(settings.event_content_days, settings.event_days, settings.dead_event_days)

    def by_topic(self) -> dict[str, int]:
        """The days of every topic, those for retries and dead letters included."""
        return {
            name: self.content_days
            if topic is Topic.RAW
            else self.dead_days
            if name == topic.dead
            else self.days
            for topic in Topic
            for name in topic.names
        }
