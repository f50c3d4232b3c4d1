"""Numbers as a person reads them: counts, metres, bytes and times, in the user's locale."""

from __future__ import annotations

from qgis.PyQt.QtCore import QLocale

from ..bridge.translation import tr


def _locale() -> QLocale:
    locale = QLocale()
    locale.setNumberOptions(QLocale.NumberOption.DefaultNumberOptions)
    return locale


def _whole(text: str) -> str:
    """A number and its unit are not torn apart at a line's end."""
    return text.replace(" ", "\u00a0")


def count(value: float) -> str:
    """``12400`` -> ``12,400``."""
    return _locale().toString(round(value))


def decimal(value: float, places: int) -> str:
    """``1234.5`` -> ``1,234.50`` with two places."""
    return _locale().toString(float(value), "f", places)


def metres(value: float) -> str:
    """A length on the ground with about two digits that matter: ``0.15 m``, ``12 m``, ``1.4 km``."""
    if value >= 1000:
        return _whole(tr("{n} km", n=decimal(value / 1000, 1)))
    if value >= 10:
        return _whole(tr("{n} m", n=count(value)))
    if value >= 1:
        return _whole(tr("{n} m", n=decimal(value, 1)))
    return _whole(tr("{n} m", n=decimal(value, 2)))


def sides(width: float, height: float) -> str:
    """A box on the ground: ``12 × 9 m``."""
    if max(width, height) >= 1000:
        return _whole(tr("{w} × {h} km", w=decimal(width / 1000, 1), h=decimal(height / 1000, 1)))
    places = 0 if min(width, height) >= 10 else 1
    return _whole(tr("{w} × {h} m", w=decimal(width, places), h=decimal(height, places)))


def scales(gsds: list) -> str:
    """``[0.149, 0.6]`` -> ``0.15 m and 0.60 m``."""
    parts = [metres(float(gsd)) for gsd in gsds]
    if len(parts) < 2:
        return "".join(parts)
    return tr("{first} and {last}", first=", ".join(parts[:-1]), last=parts[-1])


def size(value: float) -> str:
    """Bytes as ``6.3 MB``."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            return _whole("{} {}".format(decimal(value / factor, 1 if value < 100 * factor else 0), unit))
    return _whole(tr("{n} bytes", n=count(value)))


def duration(seconds: float) -> str:
    """Seconds as ``12 s``, ``3 min`` or ``1 h 20 min``."""
    seconds = max(0.0, seconds)
    if seconds < 1:
        return tr("a second")
    if seconds < 90:
        return _whole(tr("{n} s", n=count(seconds)))
    minutes = round(seconds / 60)
    if minutes < 90:
        return _whole(tr("{n} min", n=count(minutes)))
    return _whole(tr("{h} h {m} min", h=count(minutes // 60), m=minutes % 60))


def rough_duration(seconds: float) -> str:
    """A time that is only estimated, no finer than it deserves: ``a few seconds``, ``20 s``, ``2 min``."""
    if seconds < 8:
        return tr("a few seconds")
    if seconds < 50:
        return _whole(tr("{n} s", n=count(round(seconds / 10) * 10)))
    return duration(max(90.0, seconds)) if seconds >= 90 else tr("1 min")


def elapsed(seconds: float) -> str:
    """A measured time, exact where it is short: ``0.12 s``."""
    return _whole(tr("{n} s", n=decimal(seconds, 2)) if seconds < 10 else duration(seconds))
