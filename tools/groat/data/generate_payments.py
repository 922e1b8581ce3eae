#!/usr/bin/env python3
"""Writes payments.csv: one day of made-up retail payments, the same file for the same seed.

    python3 generate_payments.py > payments.csv

Only `random.Random.random` is used, whose sequence Python guarantees for a given seed, so the file
does not depend on the Python version. What the columns mean is written in README.md.
"""

import argparse
import math
import random
import sys

DAY_MS = 24 * 60 * 60 * 1000

# Relative number of payments at the start of each hour; linear in between. Quiet at 01:00 to
# 04:00, a first hump at breakfast, the peaks at lunch (13:00) and after work (18:00).
HOURLY_WEIGHT = [
    6, 3, 2, 2, 3, 8, 22, 45, 60, 58, 62, 80,
    118, 135, 96, 84, 95, 122, 140, 118, 80, 52, 30, 14,
]

# (category, relative frequency, median amount in cents, spread of the amount's logarithm)
CATEGORIES = [
    ("grocery", 30, 2350, 0.80),
    ("cafe", 19, 480, 0.45),
    ("restaurant", 12, 2150, 0.60),
    ("transit", 13, 290, 0.35),
    ("fuel", 6, 4800, 0.40),
    ("pharmacy", 5, 1450, 0.70),
    ("clothing", 4, 4200, 0.75),
    ("electronics", 2, 8900, 1.00),
    ("kiosk", 7, 350, 0.60),
    ("parking", 2, 420, 0.50),
]

MAX_AMOUNT_CENTS = 500_000


class Draw:
    """Draws from the few distributions needed, all from one uniform sequence."""

    def __init__(self, seed):
        self._uniform = random.Random(seed).random

    def below(self, bound):
        return min(int(self._uniform() * bound), bound - 1)

    def unit(self):
        return self._uniform()

    def normal(self):
        u = 1.0 - self._uniform()  # Never 0.
        return math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * self._uniform())

    def weighted(self, items, weights, total):
        left = self._uniform() * total
        for item, weight in zip(items, weights):
            left -= weight
            if left < 0:
                return item
        return items[-1]

    def seed_hex(self):
        return "%08x%08x" % (self.below(1 << 32), self.below(1 << 32))


def weight_at(time_ms):
    hour = time_ms * 24 / DAY_MS
    low = int(hour) % 24
    part = hour - int(hour)
    return HOURLY_WEIGHT[low] * (1 - part) + HOURLY_WEIGHT[(low + 1) % 24] * part


def draw_time(draw):
    """A time of day by the curve, by rejection."""
    top = max(HOURLY_WEIGHT)
    while True:
        time_ms = draw.below(DAY_MS)
        if draw.unit() * top < weight_at(time_ms):
            return time_ms


def draw_purchase(draw):
    total = sum(c[1] for c in CATEGORIES)
    category, _, median, spread = draw.weighted(CATEGORIES, [c[1] for c in CATEGORIES], total)
    cents = int(median * math.exp(spread * draw.normal()))
    if category in ("cafe", "kiosk", "transit", "parking"):
        cents = 10 * round(cents / 10)  # Small prices are round.
    return max(20, min(cents, MAX_AMOUNT_CENTS)), category


def double_spend_delay_ms(draw):
    """Half of the attempts race the first payment, the others come minutes to hours later."""
    if draw.unit() < 0.5:
        return 1 + draw.below(3_000)
    return 60_000 + draw.below(6 * 3_600_000)


def generate(seed, count, double_spends):
    draw = Draw(seed)
    honest = count - double_spends
    times = sorted(draw_time(draw) for _ in range(honest))
    assets = set()
    rows = []
    for time_ms in times:
        asset = draw.seed_hex()
        while asset in assets:
            asset = draw.seed_hex()
        assets.add(asset)
        rows.append((time_ms, asset) + draw_purchase(draw))
    attempts = 0
    spent_twice = set()
    while attempts < double_spends:
        time_ms, asset, _, _ = rows[draw.below(honest)]
        again_ms = time_ms + double_spend_delay_ms(draw)
        if again_ms >= DAY_MS or asset in spent_twice:
            continue
        spent_twice.add(asset)
        rows.append((again_ms, asset) + draw_purchase(draw))
        attempts += 1
    return sorted(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1642)
    parser.add_argument("--count", type=int, default=100_000, help="rows, double spends included")
    parser.add_argument("--double-spends", type=int, default=350)
    options = parser.parse_args()
    if not 0 <= options.double_spends <= options.count // 2:
        parser.error("--double-spends must be from 0 to half of --count")
    write = sys.stdout.write
    write("time_of_day_ms,payment_id,payer_asset,amount_cents,merchant_category\n")
    for index, row in enumerate(generate(options.seed, options.count, options.double_spends)):
        time_ms, asset, amount, category = row
        write("%d,%d,%s,%d,%s\n" % (time_ms, index + 1, asset, amount, category))


if __name__ == "__main__":
    main()
