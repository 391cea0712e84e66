from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Row:
    """A row of the delivery log before it is stored, with the columns of Delivery: an object of the model takes ten times as long to make.

    ``at`` and ``changed`` are seconds since 1970. ``pk`` is there once it is stored; of a row that an earlier run stored, nothing else is.
    ``origin`` is that of its Mail; ``left_out``: it counts in the figures alone.
    """

    at: int = 0
    changed: int = 0
    queue_id: str = ""
    message_id: str = ""
    sender: str = ""
    asked: str = ""
    recipient: str = ""
    login: str = ""
    direction: str = ""
    result: str = ""
    dsn: str = ""
    says: str = ""
    relay: str = ""
    client: str = ""
    tls: str = ""
    place: str = ""
    size: int | None = None
    tries: int = 1
    ours: int = 0
    pk: int | None = None
    origin: str = ""
    left_out: bool = False
