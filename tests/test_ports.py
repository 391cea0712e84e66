"""The ports of the tests' servers."""

from tests.servers import processes


def test_a_port_is_not_given_again_before_its_server_has_started(monkeypatch):
    first, other = processes.free_ports(2)
    processes._reserved.pop().close()  # the other one is free again
    offered = iter([first, first, other])
    monkeypatch.setattr(processes.random, "randrange", lambda *_range: next(offered))

    assert processes.free_ports(1) == [other]
