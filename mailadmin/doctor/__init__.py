"""What is wrong with this mail server: one set of checks, asked by `manage.py doctor`, its timer and the page "Mail server".

A check (checking.py) is a function that gets the Host (host.py) and yields what it found; its words stand above it, in the module of its
subject. What only root can see are facts of deploy/helper/facts.py. looking.py asks all checks and keeps what they found, news.py mails
what changed.
"""
