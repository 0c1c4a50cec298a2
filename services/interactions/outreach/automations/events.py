"""The events that start a run: a class for each trigger, whose fields are the facts that the trigger names."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis import IncomingEvent
from services.interactions.outreach.rules.automations import TRIGGERS, AutomationTrigger, Facts, TriggerKind


class TriggerEvent(IncomingEvent):
    """An event that can start a run. It keeps all fields, because each trigger names others."""

    model_config = ConfigDict(frozen=True, extra="allow")

    trigger: ClassVar[AutomationTrigger]
    kind_of_trigger: ClassVar[TriggerKind]
    customer_id: UUID | None = None

    @property
    def about_id(self) -> UUID:
        """The id of its record."""
        return UUID(str(self._value(f"{self.kind_of_trigger.about}_id")))

    @property
    def occurred_at(self) -> datetime:
        """When it happened: when it was published, unless its source says when."""
        time = self.kind_of_trigger.time
        return self.envelope.time if time is None else datetime.fromisoformat(self._value(time))

    @property
    def counts(self) -> bool:
        """Whether it is an event of the trigger: most changes of a customer leave the lifecycle as it is."""
        return self.trigger != "lifecycle_changed" or self._value("lifecycle") != self._value("previous_lifecycle")

    def facts(self) -> Facts:
        """Return the facts of the event, as texts. A fact that events did not have at first is absent from old ones."""
        facts = {name: self._value(name) for name in self.kind_of_trigger.facts}
        if self.kind_of_trigger.money is not None:
            money = self._value(self.kind_of_trigger.money) or {}
            facts |= {name: money.get(name) for name in ("amount", "currency")}
        return {name: None if value is None else str(value) for name, value in facts.items()}

    def _value(self, name: str) -> Any:
        return getattr(self, name, None)


def _event_of(trigger: AutomationTrigger) -> type[TriggerEvent]:
    class Triggered(TriggerEvent, type=TRIGGERS[trigger].event_type):
        """The event of a trigger."""

    Triggered.trigger, Triggered.kind_of_trigger = trigger, TRIGGERS[trigger]
    return Triggered


TRIGGER_EVENTS = tuple(_event_of(trigger) for trigger in TRIGGERS)
