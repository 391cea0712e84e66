import pytest
from django.db import connection

from mailadmin.adoption import moving
from tests.adoption import postfixadmin
from tests.adoption.reports import adopt, found
from tests.mariadb import NAME
from tests.servers.galera import Cluster

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def node(db):
    with Cluster(number=1) as cluster:
        [node] = cluster.nodes
        there = {
            "HOST": node.host,
            "PORT": node.port,
            "USER": NAME,
            "PASSWORD": node.passwords[NAME],
            "NAME": NAME,
        }
        with moving.at(there):
            yield node
    connection.close()


def test_a_source_in_a_cluster_is_not_adopted_there(node):
    postfixadmin.create()

    status, report = adopt()

    assert status == 1
    assert "cluster" in report["in_the_way"]
    assert found(report)["cluster"]["examples"] == [f"{node.host}:{node.port}"]
