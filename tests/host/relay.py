"""A mail server that takes mail by TLS only: python3 relay.py ADDRESS PORT CERTIFICATE KEY

On port 587 it is a provider's, and wants a login. A line for each message: who logged in, as "user:password", its sender and
its recipients.
"""

import base64
import re
import socketserver
import ssl
import sys

ADDRESS, PORT, CERTIFICATE, KEY = sys.argv[1:]


class Session(socketserver.StreamRequestHandler):
    login = ""

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")
        self.wfile.flush()

    def handle(self):
        self.say("220 smtp.example.net ESMTP")
        encrypted, sender, recipients = False, "", []
        while line := self.rfile.readline():
            verb = line.split()[0].upper().decode()
            if verb == "EHLO":
                self.say("250-smtp.example.net")
                self.say("250 AUTH PLAIN" if encrypted else "250 STARTTLS")
            elif verb == "STARTTLS":
                self.say("220 go on")
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                context.load_cert_chain(CERTIFICATE, KEY)
                self.request = context.wrap_socket(self.request, server_side=True)
                self.setup()
                encrypted = True
            elif verb == "AUTH" and encrypted:
                _authorized, user, password = base64.b64decode(line.split()[2]).split(b"\0")
                self.login = f"{user.decode()}:{password.decode()}"
                self.say("235 welcome")
            elif verb == "MAIL":
                sender, recipients = re.search(r"<(.*?)>", line.decode())[1] or "<>", []
                self.say("250 ok")
            elif verb == "RCPT":
                recipients.append(re.search(r"<(.*?)>", line.decode())[1])
                self.say("250 ok" if self.login or PORT == "25" else "530 5.7.0 login first")
            elif verb == "DATA":
                self.say("354 go on")
                while self.rfile.readline() != b".\r\n":
                    pass
                print(self.login or "nobody", sender, *recipients, flush=True)
                self.say("250 ok")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")


with socketserver.ThreadingTCPServer((ADDRESS, int(PORT)), Session) as server:
    print("on", flush=True)
    server.serve_forever()
