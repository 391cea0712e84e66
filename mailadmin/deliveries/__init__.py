"""The delivery log: follows the logs of Postfix and Dovecot, and says of each recipient what became of the message. docs/delivery-log.md"""
