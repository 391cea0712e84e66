"""Private servers for tests: own directories, high ports on 127.0.0.1, stopped by process id."""
