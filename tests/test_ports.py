from pathlib import Path

from django.db import connection

from tests.servers import processes


def test_a_port_is_not_given_again_before_its_server_has_started(monkeypatch):
    first, other = processes.free_ports(2)
    processes._reserved.pop().close()  # the other one is free again
    offered = iter([first, first, other])
    monkeypatch.setattr(processes.random, "randrange", lambda *_range: next(offered))

    assert processes.free_ports(1) == [other]


def test_the_database_server_has_a_port_that_the_kernel_gives_to_no_client():
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert 10_000 <= int(connection.settings_dict["PORT"]) < low
