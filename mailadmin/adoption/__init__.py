"""Adopting PostfixAdmin's database: `manage.py adopt`.

configuration.py reads its PHP files as data, source.py its tables as they are; structure.py, surroundings.py
and the checks of findings/ ask what an adoption would mean, report.py says it. shadow.py makes the copy, switch.py puts it in place.
"""
