MOST_BYTES = 10_000_000  # of an upload; deploy/nginx takes a little more, for the rest of the form
MOST_UNPACKED = 100_000_000  # bytes of an XLSX
MOST_LINES = 100_000
MOST_COLUMNS = 60
