"""`egressctl metrics` is OpenMetrics 1.0, and counts what happened."""

import re

import pytest

from lab.lab import ALLOWED, EVIL, EVIL_V4
from lab.waiting import wait_until

AGENT = 1000
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABELS = r'(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)+)\})?'
SAMPLE = re.compile(rf"({NAME}){LABELS} (-?[0-9]+(?:\.[0-9]+)?)$")
SUFFIXES = {"counter": ("_total", "_created"), "gauge": ("",), "info": ("_info",),
            "stateset": ("",)}


class Exposition:
    """Reads the text by the rules of the format; whatever breaks one is an AssertionError."""

    def __init__(self, text):
        assert text.endswith("# EOF\n") and text.count("# EOF") == 1
        self.samples, self.families, self._family = {}, {}, None
        for line in text.removesuffix("# EOF\n").splitlines():
            if line.startswith("#"):
                self._describe(*line.split(" ", 3))
            else:
                self._sample(line)
        for name, family in self.families.items():
            assert family.get("TYPE") and family.get("HELP"), name
            assert family["samples"], f"{name} has none"
            assert "UNIT" not in family or name.endswith("_" + family["UNIT"])

    def _describe(self, mark, what, name, text):
        assert mark == "#" and what in ("TYPE", "HELP", "UNIT") and re.fullmatch(NAME, name)
        if name != self._family:
            assert name not in self.families, f"{name} in two places"
            self._family, self.families[name] = name, {"samples": 0}
        family = self.families[name]
        assert what not in family and not family["samples"], f"{what} of {name}"
        assert what != "TYPE" or text in SUFFIXES
        family[what] = text

    def _sample(self, line):
        match = SAMPLE.match(line)
        assert match, f"no sample: {line}"
        name, labels, value = match[1], match[2] or "", float(match[3])
        family = self.families[self._family]
        assert any(name == self._family + suffix for suffix in SUFFIXES[family["TYPE"]]), line
        assert family["TYPE"] not in ("info",) or value == 1
        assert family["TYPE"] != "stateset" or (value in (0, 1) and f'{self._family}="' in labels)
        assert family["TYPE"] != "counter" or value >= 0
        assert (name, labels) not in self.samples, f"twice: {line}"
        self.samples[name, labels] = value
        family["samples"] += 1

    def __getitem__(self, key):
        name, _, labels = key.partition("{")
        return self.samples[name, labels.rstrip("}")]


def read(egressd):
    return Exposition(egressd.ctl("metrics", uid=AGENT).stdout)


@pytest.mark.parametrize("text", [
    "", "# EOF", "a 1\n# EOF\n", "# TYPE a gauge\na 1\n# EOF\n",
    "# TYPE a counter\n# HELP a b\na 1\n# EOF\n", "# TYPE a gauge\n# HELP a b\na 1\na 1\n# EOF\n",
    '# TYPE a gauge\n# HELP a b\na{b="c} 1\n# EOF\n', "# TYPE a gauge\n# HELP a b\n# EOF\n",
    "# TYPE a gauge\n# HELP a b\n# UNIT a seconds\na 1\n# EOF\n",
])
def test_the_reader_here_takes_nothing_else(text):
    with pytest.raises((AssertionError, KeyError)):
        Exposition(text)


def test_everything_is_there_at_the_start(lab):
    metrics = read(lab.egressd(allow=[ALLOWED, "198.51.100.0/24"], deny=[EVIL]))
    assert metrics['egressd_state{egressd_state="enforcing"}'] == 1
    assert metrics['egressd_state{egressd_state="failed"}'] == 0
    assert metrics['egressd_entries{list="allow"}'] == 2
    assert metrics['egressd_entries{list="deny"}'] == 1
    assert metrics["egressd_audit"] == 0
    assert metrics["egressd_table_restored_total"] == 0
    assert metrics["egressd_packets_untold_total"] == 0
    assert metrics['egressd_refusals_total{kind="packet",verdict="refused"}'] == 0
    assert "egressd_state_age_seconds" in metrics.families


def test_what_happens_is_counted(lab, container):
    egressd = lab.egressd(allow=[ALLOWED])
    assert container.connect(ALLOWED, 443)
    assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
    assert not container.resolve(EVIL)

    def counted():
        metrics = read(egressd)
        return metrics if metrics['egressd_refusals_total{kind="packet",verdict="refused"}'] else None

    metrics = wait_until(counted, "the packet counted")
    assert metrics['egressd_refusals_total{kind="packet",verdict="refused"}'] == 1
    refused = metrics['egressd_refusals_total{kind="question",verdict="refused"}']
    assert refused == metrics["egressd_questions_refused_total"] >= 1
    assert metrics["egressd_grants_total"] >= 1 and metrics["egressd_leases"] >= 1
    assert egressd.ask("metrics")["ok"]
