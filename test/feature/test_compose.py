"""A compose project: the container has neighbours, and Docker's own DNS, which is private."""

import socket

import pytest

from engine.container import COULD_NOT_CONNECT, COULD_NOT_RESOLVE
from lab.lab import ALLOWED
from probes import FEATURE, assert_enforcing, assert_open, assert_reaches, assert_refuses

TIMED_OUT = 28  # connected, for there is no answer to wait for

COMPOSE = """
services:
  app:
    image: debian:12
    command: sleep infinity
    volumes: ["..:/workspace"]
  db:
    image: busybox:musl
    command: sh -c "echo the database > /tmp/index.html && httpd -f -p 5432 -h /tmp"
  cache:
    image: busybox:musl
    command: sh -c "echo the cache > /tmp/index.html && httpd -f -p 6379 -h /tmp"
networks:
  default:
    enable_ipv6: true
    ipam: { config: [ { subnet: "2001:db8:d:2::/64" } ] }
"""


@pytest.fixture(scope="module")
def workspace(new_workspace):
    settings = {**FEATURE, "dockerComposeFile": "docker-compose.yml", "service": "app",
                "workspaceFolder": "/workspace",
                "customizations": {"egressd": {"allow": [ALLOWED, "db:5432"]}}}
    return new_workspace("compose", settings, compose=COMPOSE)


@pytest.fixture(scope="module")
def container(workspace):
    return workspace.must_up()


def address_of(workspace, name):
    network, = workspace.service(name).details["NetworkSettings"]["Networks"].values()
    return network["IPAddress"]


@pytest.fixture(scope="module")
def bare(world, workspace, container):
    bare = world.bare("debian:12", f"--network={workspace.network}")
    yield bare
    bare.remove()


def test_listed_hosts_work_and_others_are_refused(world, container, bare):
    assert_enforcing(container)
    assert_reaches(container, ALLOWED)
    assert_refuses(world, container)
    assert_open(world, bare)


def test_a_listed_neighbour_is_reached_by_name(container):
    assert container.curl("http://db:5432/").body == "the database\n"


def test_a_neighbour_that_is_not_listed_is_not(workspace, container, bare):
    by_name, by_address = "http://cache:6379/", f"http://{address_of(workspace, 'cache')}:6379/"
    for url in (by_name, by_address):
        assert bare.curl(url).body == "the cache\n"
    assert container.curl(by_name).code == COULD_NOT_RESOLVE
    assert container.curl(by_address).code == COULD_NOT_CONNECT


def test_another_port_of_a_listed_neighbour_is_not(world, workspace, container):
    """Refused here, by egressd: db itself has a program on that port."""
    db = workspace.service("db")
    db.run("httpd", "-p", "5433", "-h", "/tmp")
    assert container.curl("http://db:5433/").code == COULD_NOT_CONNECT


def test_the_gateway_is_not_open_either(world, container, bare):
    """The engine's own machine is a neighbour like any other."""
    network, = container.details["NetworkSettings"]["Networks"].values()
    url = f"http://{network['Gateway']}:8099/"
    listener = world.machine.in_network(lambda: socket.create_server(("", 8099)))
    with listener:
        assert bare.run("curl", "-sS", "-m", "1", url, check=False).returncode == TIMED_OUT
        assert container.curl(url).code == COULD_NOT_CONNECT


def test_stop_and_start_again(world, workspace, container):
    world.engine.docker("stop", "--time", "2", container.name)
    again = workspace.must_up()
    assert_reaches(again, ALLOWED)
    assert_refuses(world, again)
    assert again.curl("http://db:5432/").body == "the database\n"
