"""The hourly budget of calls that an organisation's integrations share, and the headers that tell of it."""

from collections.abc import Callable
from datetime import datetime

from ops.simulators.virtuous_settings import VirtuousSettings


class Budget:
    """Calls left in the present window. Windows begin at whole multiples of their length."""

    def __init__(self, clock: Callable[[], datetime], settings: VirtuousSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._window = -1
        self._spent = 0

    def spend(self, calls: int = 1) -> bool:
        """Take calls out of the window; False, and nothing taken, when they are not there."""
        self._turn()
        limit = self._settings.calls_per_hour
        if limit is not None and self._spent + calls > limit:
            return False
        self._spent += calls
        return True

    @property
    def remaining(self) -> int | None:
        """Calls left in the present window; None without a limit."""
        self._turn()
        limit = self._settings.calls_per_hour
        return None if limit is None else max(0, limit - self._spent)

    @property
    def resets_at(self) -> int:
        """End of the present window, Unix seconds."""
        self._turn()
        return (self._window + 1) * self._settings.window_seconds

    def headers(self) -> dict[str, str]:
        """The headers of an answer."""
        prefix, limit = self._settings.rate_headers, self._settings.calls_per_hour
        if not prefix or limit is None:
            return {}
        names = (f"{prefix}-Limit", f"{prefix}-Remaining", f"{prefix}-Reset")
        return dict(zip(names, (str(limit), str(self.remaining), str(self.resets_at)), strict=True))

    def retry_after(self) -> str:
        """Whole seconds until the window ends."""
        return str(max(1, self.resets_at - int(self._clock().timestamp())))

    def _turn(self) -> None:
        window = int(self._clock().timestamp()) // self._settings.window_seconds
        if window != self._window:
            self._window, self._spent = window, 0
