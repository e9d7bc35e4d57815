"""Figures and how they are shown: medians, and egressd against each peer."""

import dataclasses
import statistics

LOWER, HIGHER = "lower", "higher"
LAYOUT = "{:<45} {:>10} {:>10}  {:<17} {:>6}  {:<19} {}"


@dataclasses.dataclass
class Figure:
    """One thing that was measured, several times on each side."""

    what: str
    unit: str
    better: str
    ours: list
    peers: dict = dataclasses.field(default_factory=dict)  # name -> list
    target: float = None        # for the median of ours, in unit
    ratio_target: tuple = None  # (peer, ratio): for ours / that peer
    note: str = ""

    def median(self):
        return statistics.median(self.ours)

    def ratio(self, peer):
        theirs = statistics.median(self.peers[peer])
        return self.median() / theirs if theirs else None

    def met(self):
        """Whether the target is met; None where there is none."""
        if self.ratio_target:
            value, limit = self.ratio(self.ratio_target[0]), self.ratio_target[1]
        elif self.target is not None:
            value, limit = self.median(), self.target
        else:
            return None
        return value <= limit if self.better == LOWER else value >= limit

    def as_json(self):
        return {
            "what": self.what, "unit": self.unit, "better": self.better,
            "egressd": {"median": self.median(), "runs": self.ours},
            "peers": {name: {"median": statistics.median(runs), "runs": runs,
                             "ratio": self.ratio(name)} for name, runs in self.peers.items()},
            "target": self.target,
            "ratio_target": dict([self.ratio_target]) if self.ratio_target else None,
            "met": self.met(), "note": self.note,
        }


def number(value):
    """Three digits that count, or the whole number."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def target_text(figure):
    sign = "<=" if figure.better == LOWER else ">="
    if figure.ratio_target:
        return f"{sign} {figure.ratio_target[1]:g} of it"
    return "" if figure.target is None else f"{sign} {number(figure.target)} {figure.unit}"


def header():
    return LAYOUT.format("", "egressd", "peer", "", "ratio", "target", "").rstrip()


def lines(figure):
    """A line a peer; the target stands once, beside the peer that it is about."""
    word = {True: "met", False: "MISSED", None: ""}[figure.met()]
    wanted = figure.ratio_target[0] if figure.ratio_target else next(iter(figure.peers), None)
    for name in figure.peers or {None: None}:
        first = name == next(iter(figure.peers), None)
        yield LAYOUT.format(
            f"{figure.what}, {figure.unit}" if first else "",
            number(figure.median()) if first else "",
            number(statistics.median(figure.peers[name])) if name else "-", name or "",
            number(figure.ratio(name)) if name else "-",
            target_text(figure) if name == wanted else "", word if name == wanted else "").rstrip()
    if figure.note:
        yield f"    {figure.note}"
