"""Files that somebody uploads: their lines become mailboxes, aliases, alias domains or domains.

tables.py and spreadsheet.py read a file a row at a time, columns.py and matching.py say what its columns hold, kinds.py what a
line of each kind makes and by which services, judging.py what is wrong with a line, work.py makes them in steps. pages.py,
command.py and api.py are the ways to it. The rows wait in the database, encrypted (panel/file_imports.py). Whole mail servers:
mailadmin/importing/.
"""
