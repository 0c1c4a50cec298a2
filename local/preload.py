"""Imported once by the fork server, so that the five processes share the memory of what they all import."""

import gc
import importlib

from chassis.service import installed_services, load

for name in installed_services():
    load(name)
importlib.import_module("chassis.cli.server")

gc.collect()
gc.freeze()
