MOST_BYTES = 10 * 1024 * 1024  # of an upload; deploy/nginx has the same limit
MOST_UNPACKED = 100 * 1024 * 1024  # bytes of an XLSX
MOST_LINES = 100_000
MOST_COLUMNS = 60
