"""Reports of other servers (DMARC, RFC 7489 and 9990; TLS, RFC 8460), from a message to rows: letters, unpacking, dmarc and tls, storing.

Anybody may write to the address, so what comes is read within bounds, and what cannot be read is dropped.
"""
