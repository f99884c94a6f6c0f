"""Call rates as a setting gives them: ``gmail=10/20, graph=4``, calls a second and how many at once."""

from __future__ import annotations


def parse_rates(given: str) -> dict[str, tuple[float, float]]:
    """Rate and burst by provider; a burst that is not given is one second's calls.

    Raises:
        ValueError: something in it is not a rate.
    """
    rates: dict[str, tuple[float, float]] = {}
    for part in filter(None, (one.strip() for one in given.split(","))):
        name, _, numbers = (one.strip() for one in part.partition("="))
        per_second, _, burst = numbers.partition("/")
        try:
            rate = float(per_second)
            most = float(burst) if burst else max(1.0, rate)
        except ValueError:
            rate = most = 0.0
        if not name or not 0 < rate < float("inf") or not 1 <= most < float("inf"):
            raise ValueError(f'{part!r} is no rate: write "provider=calls a second/calls at once"')
        rates[name] = (rate, most)
    return rates
