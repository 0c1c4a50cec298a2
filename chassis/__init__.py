"""The chassis: what every service of Rapport stands on. It knows no business word.

What a feature's author uses stands here; everything else is the chassis' own affair.
"""

from chassis.batches import Batch, BatchResults, results_of
from chassis.events import Event, Incoming
from chassis.feature import Feature
from chassis.ids import uuid7
from chassis.money import Currency, Money
from chassis.pages import Page, Paged, TimeRange, page, time_range
from chassis.problems import Invalid, NotFound, Problem, StaleVersion
from chassis.requests import Work
from chassis.service import Service
from chassis.settings import Settings
from chassis.tables import Table, Versioned, instant, new_registry, whole
from chassis.values import Instant, Line, Paragraphs, Reference, Timezone, WholeNumber, Wire, Word, shown
from chassis.versions import IfMatch, given, merge_patch
from chassis.work import Again

__all__ = [
    "Again",
    "Batch",
    "BatchResults",
    "Currency",
    "Event",
    "Feature",
    "IfMatch",
    "Incoming",
    "Instant",
    "Invalid",
    "Line",
    "Money",
    "NotFound",
    "Page",
    "Paged",
    "Paragraphs",
    "Problem",
    "Reference",
    "Service",
    "Settings",
    "StaleVersion",
    "Table",
    "TimeRange",
    "Timezone",
    "Versioned",
    "WholeNumber",
    "Wire",
    "Word",
    "Work",
    "given",
    "instant",
    "merge_patch",
    "new_registry",
    "page",
    "results_of",
    "shown",
    "time_range",
    "uuid7",
    "whole",
]
