"""Imported once by the fork server: whatever stands here is shared by the five processes, not held five times."""

import gc
import importlib

from local import SERVICES

for name in SERVICES:
    importlib.import_module(f"services.{name}.app")
importlib.import_module("gateway.app")
importlib.import_module("chassis.serving")

gc.collect()
gc.freeze()
