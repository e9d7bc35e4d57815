"""The gate's ports are the gate's: nobody else binds them, not for a moment."""

import re

import pytest

from lab import tracer
from lab.lab import ALLOWED


@pytest.mark.leak("H31")
def test_a_bound_port_is_never_open_to_others(lab, container):
    """Who binds it in a moment in which it may be shared (SO_REUSEADDR) reads in our place."""
    file = "/run/calls"
    egressd = lab.egressd(allow=[ALLOWED], start=False)
    egressd.start(under=tracer.listing(file))
    calls = tracer.read_listing(container.path(file).read_text())
    bound, shared = {}, []
    for call in calls:
        descriptor = call.text.partition(",")[0]
        if call.name == "socket" and "SOCK_DGRAM" in call.text:
            bound[call.text.rpartition("= ")[2].strip()] = False
        elif call.name == "bind" and descriptor in bound:
            bound[descriptor] = True
        elif call.name in ("close", "dup3"):
            bound.pop(re.split("[,)]", call.text)[0], None)
        elif bound.get(descriptor) and "SO_REUSEADDR, [1]" in call.text:
            shared.append(str(call))
    assert any(call.name == "bind" and "127.0.0.1" in call.text for call in calls)
    assert not shared
    egressd.stop()
