"""Real programs of every day: they work when their host is listed, and fail in words when not."""

import subprocess
import zipfile

import pytest

from lab.waiting import wait_until

ADDRESS, LISTED, UNLISTED = "203.0.113.30", "listed.test", "unlisted.test"
HTTP, HTTPS, SSH = 9080, 9443, 9022

WEB = """
import functools, http.server, ssl, sys, threading
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
plain = http.server.ThreadingHTTPServer(("", int(sys.argv[3])), handler)
secure = http.server.ThreadingHTTPServer(("", int(sys.argv[4])), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2])
secure.socket = context.wrap_socket(secure.socket, server_side=True)
threading.Thread(target=secure.serve_forever).start()
print("up", flush=True)
plain.serve_forever()
"""

SSHD = """
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/key.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PidFile none
"""


def make_files(folder):
    """A git repository, a Debian archive and a Python index, as files."""
    run = dict(cwd=folder, check=True, capture_output=True)
    for argv in (["git", "init", "-q", "work"],
                 ["git", "-C", "work", "-c", "user.name=a", "-c", "user.email=a@example.test",
                  "commit", "-q", "--allow-empty", "-m", "first"],
                 ["git", "clone", "-q", "--bare", "work", "repo.git"],
                 ["git", "-C", "repo.git", "update-server-info"],
                 ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "host"],
                 ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key"]):
        subprocess.run(argv, **run)
    (folder / "deb").mkdir()
    (folder / "deb/Packages").write_text("")
    (folder / "simple/thing").mkdir(parents=True)
    wheel = "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(folder / wheel, "w") as archive:
        archive.writestr("thing.py", "")
        archive.writestr("thing-1.0.dist-info/METADATA",
                         "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        archive.writestr("thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("thing-1.0.dist-info/RECORD", "")
    (folder / "simple/thing/index.html").write_text(f'<a href="/{wheel}">{wheel}</a>')
    (folder / "sshd.conf").write_text(SSHD.format(port=SSH, folder=folder))


@pytest.fixture
def files(lab, certificate):
    """Served at ADDRESS: http, https and ssh, at the ports these are known by."""
    folder = lab.folder / "served"
    folder.mkdir(mode=0o755)
    make_files(folder)
    outside = lab.internet.machine
    outside.nft("add table ip here; add chain ip here in "
                "{ type nat hook prerouting priority dstnat; };"
                + "".join(f"add rule ip here in ip daddr {ADDRESS} tcp dport {known} "
                          f"redirect to :{port};"
                          for known, port in ((80, HTTP), (443, HTTPS), (22, SSH))))
    outside.run(["mkdir", "-p", "/run/sshd"])
    web = subprocess.Popen(outside.command(["/usr/bin/python3", "-c", WEB, folder, certificate,
                                            HTTP, HTTPS]),
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    ssh = subprocess.Popen(outside.command(["/usr/sbin/sshd", "-D", "-f", folder / "sshd.conf"]),
                           stderr=subprocess.DEVNULL)
    try:
        assert web.stdout.readline() == b"up\n"
        for name in (LISTED, UNLISTED):
            lab.zone.host(name, ADDRESS)
        wait_until(lambda: lab.container.connect(ADDRESS, 22), "sshd")
        yield folder
    finally:
        for process in (web, ssh):
            process.kill()
            process.wait()
        web.stdout.close()


SSH_COMMAND = ("ssh -i {folder}/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
               " -o LogLevel=ERROR -F none")

TOOLS = {  # what is run, with {host} and {folder}; what it says of a host that is not listed
    "curl": (["curl", "-sSk", "https://{host}/deb/Packages"], "Could not resolve host"),
    "git-https": (["git", "-c", "http.sslVerify=false", "ls-remote", "https://{host}/repo.git"],
                  "Could not resolve host"),
    "git-ssh": (["env", "GIT_SSH_COMMAND=" + SSH_COMMAND, "git", "ls-remote",
                 "ssh://root@{host}{folder}/repo.git"], "Could not resolve hostname"),
    "apt": (["apt-get", "-o", "Dir::Etc::sourceparts=-", "-o", "Acquire::Retries=0",
             "-o", "APT::Update::Error-Mode=any", "-o", "Dir::Etc::sourcelist=/etc/{host}.list",
             "update"], "Could not resolve"),
    "pip": (["/usr/bin/python3", "-m", "pip", "--disable-pip-version-check", "download",
             "--no-deps", "--no-cache-dir", "--retries", "0", "--index-url", "http://{host}/simple",
             "--trusted-host", "{host}", "-d", "/var/tmp/wheels", "thing"],
            "No matching distribution"),
}


@pytest.mark.leak("H46")
def test_tools_work_when_their_host_is_listed_and_say_why_when_not(lab, container, files):
    for host in (LISTED, UNLISTED):
        container.write(f"/etc/{host}.list", f"deb [trusted=yes] http://{host}/deb ./\n")

    def use(tool, host):
        argv = [part.format(host=host, folder=files) for part in TOOLS[tool][0]]
        done = container.run(argv, check=False, timeout=600)
        return done.returncode == 0, done.stdout + done.stderr

    for tool in TOOLS:
        worked, text = use(tool, UNLISTED)
        assert worked, f"{tool} fails even with egressd off: {text}"
    lab.egressd(allow=[LISTED, f"{LISTED}:22"])
    lab.forget()
    for tool, (_, words) in TOOLS.items():
        worked, text = use(tool, LISTED)
        assert worked, f"{tool}: {text}"
        worked, text = use(tool, UNLISTED)
        assert not worked and words in text, f"{tool}: {text}"
    assert not lab.dns.questions(UNLISTED)
    assert {packet.destination for packet in lab.strays([LISTED])} <= {ADDRESS}
