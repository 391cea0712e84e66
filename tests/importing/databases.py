import sqlite3


class Database:
    """``add("mailbox", username="joe@example.org")`` inserts a row; what is not named has its default."""

    def __init__(self, connection, url_file, mark):
        self.connection, self.url_file, self.mark = connection, url_file, mark

    def create(self, tables):
        for statement in tables:
            self.run(statement)
        return self

    def add(self, table, **values):
        names = ", ".join(f"`{name}`" for name in values)
        marks = ", ".join([self.mark] * len(values))
        self.run(f"INSERT INTO `{table}` ({names}) VALUES ({marks})", list(values.values()))
        return self

    def run(self, statement, params=()):
        cursor = self.connection.cursor()
        cursor.execute(statement, params)
        cursor.close()
        self.connection.commit()

    @property
    def arguments(self):
        return ["--url-file", self.url_file]


def in_file(directory):
    """A file of SQLite, whose names are compared as MariaDB does."""
    path = directory / "source.sqlite3"
    (directory / "url").write_text(f"sqlite:///{path}\n")
    return Database(sqlite3.connect(path), directory / "url", "?")


def on_mariadb(directory, connection, url):
    (directory / "url").write_text(f"{url}\n")
    return Database(connection, directory / "url", "%s")
