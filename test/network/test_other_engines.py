"""Where the container runs is not always Docker, and not always on a kernel that has everything."""

import pytest

from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4, EVIL_V6, GATEWAY_V4, UPSTREAM

# Who resolves names: rootless Docker (slirp4netns), podman (pasta; aardvark on the bridge's
# gateway), Codespaces on Azure.
RESOLVERS = ["10.0.2.3", "169.254.1.1", GATEWAY_V4, "168.63.129.16"]


@pytest.mark.leak("H39")
@pytest.mark.parametrize("resolver", RESOLVERS)
def test_a_resolver_in_a_special_place_is_asked_and_nothing_else_there(lab, container, resolver):
    """egressd asks it, at port 53, and nobody reaches anything of it: it may be the host."""
    container.write("/etc/resolv.conf", f"nameserver {resolver}\n")
    http = lab.prove_open(lambda: container.connect(resolver, 80), destination=resolver)
    asked = lab.prove_open(lambda: container.dig(EVIL, server=resolver), destination=resolver)
    lab.egressd(allow=[ALLOWED])
    lab.forget()
    assert container.connect(ALLOWED, 443)
    assert container.resolve(EVIL).error == "EAI_NONAME"
    assert not container.dig(EVIL, server=resolver).addresses
    assert not lab.dns.questions(EVIL)
    assert not lab.witness.packets(destination=EVIL_V4)
    http.refused("ECONNREFUSED", at_once=True)
    assert asked


@pytest.mark.leak("H39")
@pytest.mark.parametrize("lacks, named", [("nat", "nat"), ("redir", "nft_redir"), ("ct", "nft_ct")])
def test_a_kernel_without_what_is_needed_is_named_and_nothing_starts(lab, container, lacks, named):
    """gVisor has no nat table, some kernels not even connection tracking: then nothing is promised,
    and the Feature's entrypoint stops the container."""
    egressd = lab.egressd(allow=[ALLOWED], lacks=[lacks], ready=False)
    assert egressd.wait_end() not in (0, None)
    assert named in egressd.log(), egressd.log()
    assert egressd.ctl("wait", "--timeout", "0", check=False).returncode == 69


@pytest.mark.leak("H39", "L30")
def test_a_kernel_that_cannot_tell_inner_questions_refuses_them(lab):
    inner = lab.nested()
    egressd = lab.egressd(allow=[ALLOWED], lacks=["fib"])
    assert any("nft_fib_inet" in text for text in egressd.weaknesses())
    lab.forget()
    assert not inner.dig(ALLOWED, server=UPSTREAM, timeout=0.5).ok
    assert inner.connect(EVIL_V4, 443).error == "ECONNREFUSED"
    assert inner.connect(EVIL_V6, 443).error == "ECONNREFUSED"
    assert not lab.strays([ALLOWED])
    egressd.wait_leased(ALLOWED_V4)
    assert inner.connect(ALLOWED_V4, 443)
