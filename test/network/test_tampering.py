"""Root inside changes what egressd put into the kernel: it is undone at once, counted, and told."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from lab import tracer
from lab.daemon import CLIENT, INSTALLED, install
from lab.lab import ALLOWED, ALLOWED_V4, EVIL, EVIL_V4
from lab.process import Process
from lab.waiting import wait_until

TABLE = "inet egressd"
OLD = ["owner"]  # a kernel that lets anybody with CAP_NET_ADMIN change anybody's table

# What root does, and what is told of it. {rule} is the handle of a rule that refuses.
DAMAGES = [
    ("flush ruleset", "the table deleted"),
    (f"delete table {TABLE}", "the table deleted"),
    (f"flush table {TABLE}", "rule of chain .* deleted"),
    (f"flush chain {TABLE} out", "rule of chain out deleted"),
    (f"delete rule {TABLE} lo_out handle {{rule}}", "rule of chain lo_out deleted"),
    (f"insert rule {TABLE} out accept", "rule of chain out added"),
    (f"add rule {TABLE} forward accept", "rule of chain forward added"),
    (f"chain {TABLE} out {{{{ policy accept; }}}}", "chain out added or changed"),
    (f"add chain {TABLE} early {{{{ type filter hook output priority -300; }}}}",
     "chain early added or changed"),
    (f"flush chain {TABLE} dns; delete chain {TABLE} dns", "rule of chain dns deleted"),
    (f"rename chain {TABLE} deny other", "chain other added or changed"),
    (f"add table {TABLE} {{{{ flags dormant; }}}}", "the table changed"),
    (f"add set {TABLE} mine {{{{ type ipv4_addr; }}}}", "set mine added"),
    (f"flush set {TABLE} allow4", "element of set allow4 deleted"),
    (f"delete element {TABLE} allow4 {{{{ {ALLOWED_V4} . tcp . 443 }}}}",
     "element of set allow4 deleted"),
    (f"add element {TABLE} allow4 {{{{ {EVIL_V4} . tcp . 443 }}}}", "element of set allow4 added"),
    (f"add element {TABLE} lease4 {{{{ {EVIL_V4} . tcp . 443 }}}}", "element of set lease4 added"),
    (f"add element {TABLE} upstream4 {{{{ {EVIL_V4} . 443 }}}}",
     "element of set upstream4 added"),
    ("delete table netdev egressd", "the table deleted"),
    ("flush chain netdev egressd eth0", "rule of chain eth0 deleted"),
    ("insert rule netdev egressd eth0 accept", "rule of chain eth0 added"),
    ("chain netdev egressd eth0 {{ policy accept; }}", "chain eth0 added or changed"),
]


def damage(container, command):
    """Whether nft could do it."""
    rule = re.search(r"daddr 127\.0\.0\.11 .*# handle (\d+)", container.nft("-a", "list", "table",
                                                                    *TABLE.split()))
    return container.run(["nft", command.format(rule=rule[1])], check=False).returncode == 0


def table(container):
    """Both, as a person reads them, without elements and counters."""
    return container.nft("-s", "-t", "list", "table", *TABLE.split(), check=False) + container.nft(
        "-s", "list", "table", "netdev", "egressd", check=False)


def restored(egressd):
    return egressd.status()["kernel"]["restored"]


def skip_without_owner(status):
    if not status["kernel"]["owned"]:
        pytest.skip("this kernel knows no owners of tables (Linux 6.9)")


def wait_restored(egressd, count, why):
    """What status says of the kernel once the table was put back so many times."""
    def told():
        status = egressd.status()
        return status["kernel"]["restored"] == count and status

    try:
        status = wait_until(told, why)
    except TimeoutError as error:
        raise AssertionError(f"{error}: {egressd.status()['kernel']}\n{egressd.log()}") from None
    assert status["state"] == "enforcing"
    return status["kernel"]


@pytest.fixture
def evil(lab, container):
    return lab.prove_open(lambda: container.connect(EVIL_V4, 443), destination=EVIL_V4)


@pytest.mark.leak("L16", "H35", "H53")
def test_nobody_but_egressd_can_change_its_table(lab, container, evil):
    """All that root has, while an address that is refused is tried all the time."""
    egressd = lab.egressd(allow=[ALLOWED])
    skip_without_owner(egressd.status())
    assert container.connect(ALLOWED, 443)
    whole = table(container)
    hammer = container.agent(another="hammer")
    assert hammer.connect(ALLOWED, 443), "it is at work from here on"
    hammer.begin_hammer((EVIL_V4, 443))
    for command, _ in DAMAGES:
        assert damage(container, command) == (command == "flush ruleset"), command
    container.run(["iptables-nft", "-F"])
    container.run(["iptables-nft", "-P", "OUTPUT", "ACCEPT"])
    assert set(hammer.end_hammer()[f"{EVIL_V4}:443"]) == {"ECONNREFUSED"}
    assert not lab.witness.packets(destination=EVIL_V4, tells=True)
    assert table(container) == whole
    assert container.connect(ALLOWED, 443)
    kernel = egressd.status()["kernel"]
    assert kernel["owned"] and kernel["restored"] == 0 and not kernel["tampering"]
    assert "tampered" not in egressd.log()


@pytest.mark.leak("L16", "H35", "H53")
def test_what_root_changes_is_put_back_at_once(lab, container, evil):
    """Where the kernel knows no owner: documented, noticed, counted, and over in no time."""
    egressd = lab.egressd(allow=[ALLOWED], lacks=OLD)
    assert container.connect(ALLOWED, 443)
    whole = table(container)
    for number, (command, told) in enumerate(DAMAGES, 1):
        assert damage(container, command), command
        kernel = wait_restored(egressd, number, command)
        evil.refused("ECONNREFUSED")
        assert table(container) == whole, command
        assert container.connect(ALLOWED_V4, 443), f"the lease is kept: {command}"
        assert EVIL_V4 not in container.nft("list", "ruleset")
        assert re.match(told, kernel["tampering"]["what"]), (command, kernel)
        assert kernel["tampering"]["process"] == "nft"
    assert container.resolve(EVIL).error == "EAI_NONAME"
    said = egressd.ctl("status").stdout
    assert f"times put back: {len(DAMAGES)}" in said and "cannot give egressd a table" in said
    assert not egressd.status()["kernel"]["owned"]
    assert 'critical: tampered: the table deleted' in egressd.log()


@pytest.mark.leak("H35", "H53")
def test_what_began_while_the_table_was_gone_ends(lab, container, evil):
    """The daemon is held still meanwhile, so that there is such a time at all."""
    egressd = lab.egressd(allow=[ALLOWED, f"{ALLOWED}:5432"], lacks=OLD)
    kept = container.open(ALLOWED, 5432)
    egressd.freeze()
    container.nft("delete", "table", *TABLE.split())
    flow = container.open(EVIL_V4, 5432)
    dns = container.open("198.51.100.53", 53, udp=True)
    assert flow.echo() and kept.echo()
    assert evil.allowed(), "documented: without a table nothing is refused"
    egressd.thaw()
    wait_until(lambda: restored(egressd) == 1, "the table's return")
    evil.refused("ECONNREFUSED")
    lab.forget()
    assert not flow.echo(timeout=0.5)
    dns.send(b"knock")
    assert not lab.witness.packets(destination="198.51.100.53")
    assert not [packet for packet in lab.witness.packets(destination=EVIL_V4) if packet.payload]
    assert kept.echo() and container.connect(ALLOWED, 443)


def ct_listing(text):
    """The call that asks for the flows first."""
    return next(call for call in tracer.read_listing(text, from_main=False)
                if call.name == "sendto" and "IPCTNL_MSG_CT_GET," in call.text)


@pytest.mark.leak("H29", "H35", "H53")
def test_questions_that_began_meanwhile_end_though_the_first_try_fails(lab, container):
    """The kernel's list of flows cannot be had at that moment; the questions end all the same."""
    egressd = lab.egressd(allow=[ALLOWED], lacks=OLD)
    pid = egressd.status()["pid"]

    def put_back_under(command):
        before = restored(egressd)
        egressd.freeze()
        container.nft("delete", "table", *TABLE.split())
        dns = container.open("198.51.100.53", 53, udp=True)
        with tracer.attached(container, pid, command):
            egressd.thaw()
            wait_until(lambda: restored(egressd) > before, "the table's return")
        return dns

    put_back_under(tracer.listing("/run/calls"))
    failing = tracer.failing(ct_listing(container.path("/run/calls").read_text()), "ENOBUFS",
                             "/run/fault")
    for _ in range(10):  # a refresh that comes between makes it another call
        dns = put_back_under(failing)
        if "DNS flows" in str(egressd.weaknesses()):
            break
    else:
        pytest.fail("the list of flows never failed")
    wait_until(lambda: "DNS flows" not in str(egressd.weaknesses()), "the second try")
    lab.forget()
    dns.send(b"knock")
    assert not lab.witness.packets(destination="198.51.100.53")


@pytest.mark.leak("H35", "L23")
def test_a_table_that_cannot_be_put_back_is_said_to_be_no_protection(lab, container, evil):
    """Root makes a table of our name its own: everything is open, and egressd says so."""
    egressd = lab.egressd(allow=[ALLOWED], lacks=OLD)
    thief = subprocess.Popen(container.command(["nft", "-i"]), stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    try:
        egressd.freeze()  # it would be back before the thief has it
        container.nft("delete", "table", *TABLE.split())
        thief.stdin.write(f"add table {TABLE} {{ flags owner; }}\n")
        thief.stdin.flush()
        wait_until(lambda: "flags owner" in table(container), "the theft")
        egressd.thaw()
        status = wait_until(lambda: egressd.status()["state"] == "failed" and egressd.status(),
                            "the truth")
        assert "another process owns the table" in status["reason"]
        assert egressd.ctl("wait", "--timeout", "0", check=False).returncode == 1
        assert "critical: not protected: " in egressd.log()
        assert evil.allowed(), "documented"
        tries = restored(egressd)
    finally:
        thief.stdin.close()
        thief.kill()
        thief.wait()
    wait_until(lambda: not container.connect(EVIL_V4, 443), "the table")
    evil.refused("ECONNREFUSED")
    wait_until(lambda: egressd.status()["state"] == "enforcing", "the good news")
    assert restored(egressd) == tries == 1


def processor_s(process):
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def in_a_loop(container):
    """Runs nft with a file again and again; ends with the test."""
    begun = []

    def begin(text):
        container.write("/etc/loop.nft", text)
        begun.append(subprocess.Popen(
            container.command(["sh", "-c", "while nft -f /etc/loop.nft; do :; done"]),
            start_new_session=True))
        return begun[-1]

    yield begin
    for process in begun:
        stop(process)


def stop(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def evil_came(container):
    return container.connect(EVIL_V4, 443)


@pytest.mark.leak("H53")
def test_whoever_tampers_in_a_loop_does_not_keep_the_daemon_busy(lab, container, evil, in_a_loop):
    egressd = lab.egressd(allow=[ALLOWED], lacks=OLD)
    container.connect(ALLOWED, 443)
    process, = egressd.processes()
    loop = in_a_loop(f"flush set {TABLE} allow4\n" * 20 + f"add rule {TABLE} out accept\n")
    wait_until(lambda: restored(egressd) > 0, "a repair")
    began, before = time.monotonic(), processor_s(process)
    wait_until(lambda: restored(egressd) > 10, "ten repairs")
    assert processor_s(process) - before < (time.monotonic() - began) / 2
    stop(loop)
    wait_until(lambda: not evil_came(container), "the last repair")
    evil.refused("ECONNREFUSED")
    wait_until(lambda: container.connect(ALLOWED, 443), "allowed names")
    lines = egressd.log().count("critical: tampered: ")
    assert lines <= 2 * (time.monotonic() - began + 2) and lines < restored(egressd)


@pytest.mark.leak("H40", "H53")
@pytest.mark.parametrize("lacks", [(), OLD], ids=["owned", "old kernel"])
def test_interfaces_that_come_and_go_are_no_tampering(lab, container, evil, lacks):
    """The kernel takes their chains out of the backstop, and that is told like any change."""
    egressd = lab.egressd(allow=[ALLOWED], lacks=lacks)
    for _ in range(3):
        container.run(["ip", "link", "add", "extra", "type", "veth", "peer", "name", "end"])
        container.run(["ip", "link", "set", "extra", "up"])
        wait_until(lambda: "chain extra" in table(container), "its chain")
        container.run(["ip", "link", "delete", "extra"])
        wait_until(lambda: "chain extra" not in table(container), "its end")
    verified = [egressd.status()["kernel"]["verified_s"]]
    wait_until(lambda: verified.append(egressd.status()["kernel"]["verified_s"])
               or verified[-1] < verified[-2], "a verification", pause=0.2)
    assert restored(egressd) == 0 and "tampered" not in egressd.log()
    evil.refused("ECONNREFUSED")


@pytest.mark.leak("H53")
def test_somebody_elses_table_reloaded_all_the_time_is_no_matter(lab, container, in_a_loop):
    """As firewalld or Docker do it. Grants go on, nothing is restored, nobody notices."""
    lab.zone.host("*.late.test", "203.0.113.77")
    egressd = lab.egressd(allow=[ALLOWED, "*.late.test"])
    assert container.connect(ALLOWED, 443)
    elements = ", ".join(f"10.{i // 256}.{i % 256}.1" for i in range(3000))
    in_a_loop(f"add table ip other\ndelete table ip other\ntable ip other {{\n"
              f" set s {{ type ipv4_addr; elements = {{ {elements} }}; }}\n"
              f" chain c {{ type filter hook output priority 10; ip daddr @s drop; }}\n}}\n")
    verified = [egressd.status()["kernel"]["verified_s"]]
    for number in range(100):
        name = f"n{number}.late.test"
        assert container.connect(name, 443), name
        assert container.connect(EVIL_V4, 443).error == "ECONNREFUSED"
    wait_until(lambda: verified.append(egressd.status()["kernel"]["verified_s"])
               or verified[-1] < verified[-2], "a verification meanwhile", pause=0.2)
    egressd.reload({"allow": [ALLOWED, "*.late.test", "192.0.2.1:22"]})
    assert container.connect(ALLOWED_V4, 443)
    assert restored(egressd) == 0
    assert egressd.status()["state"] == "enforcing"
    assert "tampered" not in egressd.log()


# Without the daemon, without the supervisor, without both


class Background:
    """egressd as the Feature starts it: with a supervisor."""

    def __init__(self, container, folder):
        self._container = container
        self._log = folder / "background.log"
        policy = container.write("/etc/policy.json", json.dumps({"allow": [ALLOWED]}))
        with open(self._log, "ab") as log:
            subprocess.run(container.command([INSTALLED, "run", "--policy", policy]), check=True,
                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=180)

    def process(self, role):
        """Its process id outside, or None: the daemon is the child of the supervisor."""
        found = self._container.processes("egressd")
        children = [pid for pid in found if parent(pid) in found]
        chosen = children if role == "daemon" else [pid for pid in found if pid not in children]
        return chosen[0] if chosen else None

    def kill(self, role):
        victim = self.process(role)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in self._container.processes("egressd"), f"death of {role}")

    def log(self):
        return self._log.read_text()

    def close(self):
        for process in self._container.processes("egressd"):
            os.kill(process, signal.SIGKILL)


def parent(process):
    """None: it has just ended."""
    try:
        return Process(process).parent()
    except (FileNotFoundError, ProcessLookupError):
        return None


@pytest.fixture
def background(lab, container, evil):
    install(container)
    running = Background(container, lab.folder)
    skip_without_owner(json.loads(container.run([CLIENT, "status", "--json"]).stdout))
    yield running
    running.close()


def is_deleted(container):
    return not container.run(["nft", "delete", "table", *TABLE.split()], check=False).returncode


@pytest.mark.leak("H35", "H50", "L24")
def test_the_daemon_alone_is_killed(lab, container, evil, background):
    """The supervisor holds the table until the next daemon has it, which keeps what is leased."""
    assert container.connect(ALLOWED, 443)
    supervisor, daemon = background.process("supervisor"), background.process("daemon")
    hammer = container.agent(another="hammer")
    assert hammer.connect(ALLOWED, 443), "it is at work from here on"
    hammer.begin_hammer((EVIL_V4, 443))
    for _ in range(5):
        os.kill(supervisor, signal.SIGSTOP)  # so that there is a time without a daemon
        os.kill(daemon, signal.SIGKILL)
        assert container.connect(ALLOWED_V4, 443)
        container.nft("flush", "ruleset")
        assert not is_deleted(container)
        os.kill(supervisor, signal.SIGCONT)
        daemon = wait_until(lambda: background.process("daemon") not in (None, daemon)
                            and background.process("daemon"), "the next daemon")
        wait_until(lambda: container.connect(ALLOWED, 443), "names")
        assert not is_deleted(container)
    assert set(hammer.end_hammer()[f"{EVIL_V4}:443"]) == {"ECONNREFUSED"}
    assert not lab.witness.packets(destination=EVIL_V4, tells=True)
    assert json.loads(container.run([CLIENT, "status", "--json"]).stdout)["kernel"]["owned"]


@pytest.mark.leak("H35", "H50")
def test_the_supervisor_alone_is_killed(lab, container, evil, background):
    """The daemon goes on and owns the table. Documented: nobody starts the next one."""
    background.kill("supervisor")
    assert not is_deleted(container)
    evil.refused("ECONNREFUSED")
    assert container.connect(ALLOWED, 443)


@pytest.mark.leak("H35", "H50", "L16")
def test_both_are_killed(lab, container, evil, background):
    """Documented: it stays closed, but then root can take the table away."""
    os.kill(background.process("supervisor"), signal.SIGSTOP)
    background.kill("daemon")
    background.kill("supervisor")
    evil.refused("ECONNREFUSED")
    assert is_deleted(container)
    evil.allowed()


@pytest.mark.leak("H35")
def test_held_still_it_owns_the_table_all_the_same(lab, container, evil, background):
    for role in ("supervisor", "daemon"):
        os.kill(background.process(role), signal.SIGSTOP)
    assert not is_deleted(container)
    evil.refused("ECONNREFUSED")
    for role in ("daemon", "supervisor"):
        os.kill(background.process(role), signal.SIGCONT)
    assert container.connect(ALLOWED, 443)
