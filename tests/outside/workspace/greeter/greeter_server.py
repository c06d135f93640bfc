"""Greets whoever asks over HTTP."""

import argparse
import http.server
import signal
import socket
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--greeting", required=True)
flags = parser.parse_args()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (flags.greeting + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    def server_bind(self):  # the socket that listens is inherited, as descriptor 3
        self.socket.close()
        self.socket = socket.socket(fileno=3)
        self.server_name, self.server_port = "127.0.0.1", self.socket.getsockname()[1]

    def server_activate(self):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
Server(("127.0.0.1", 0), Handler).serve_forever()
