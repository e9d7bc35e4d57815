"""An attempt that has been seen to succeed, so that its failure afterwards means something."""

# Less than it takes until TCP sends a SYN again: who is refused later was not refused at first.
AT_ONCE_S = 0.9


class Probe:
    """target: fields of witness packets (destination, port, protocol) that the attempt sends."""

    def __init__(self, lab, attempt, target):
        self._lab, self._attempt, self._target = lab, attempt, target
        lab.forget()
        outcome = attempt()
        assert outcome, f"the probe fails even with egressd off: {outcome}"
        assert lab.witness.packets(**target), "the probe succeeds, but the witness saw nothing"
        lab.forget()

    def allowed(self):
        outcome = self._attempt()
        assert outcome, f"should be allowed: {outcome}"
        return outcome

    def refused(self, *errors, at_once=False):
        """The attempt fails with one of these errors, and no packet of it left the container."""
        self._lab.witness.forget()
        outcome = self._attempt()
        assert not outcome, f"should be refused: {outcome}"
        assert not errors or outcome.error in errors, outcome
        assert not at_once or outcome.elapsed < AT_ONCE_S, outcome
        seen = self._lab.witness.packets(tells=True, **self._target)
        assert not seen, f"refused, but the witness saw {seen}"
        return outcome
