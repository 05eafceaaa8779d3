"""A stack that goes on with tables that are there already, deployed to the emulated AWS."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from giftbridge.store.settings_versions import SettingsVersions
from ops.local_stack.build import local_build
from ops.local_stack.deploy import deploy
from ops.local_stack.options import LocalOptions
from ops.local_stack.runner import LocalStack

