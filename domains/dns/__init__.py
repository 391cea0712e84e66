"""What a domain and this mail server should have in the DNS, what is there, and what follows from that."""
