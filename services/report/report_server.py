"""A page with all the short links, read from the links server's HTTP/1.1 API.

    report_server.py --links=http://127.0.0.1:8080 --port=8081
"""

import argparse
import html
import http.client
import http.server
import json
import signal
import socket
import socketserver
import sys
import threading
import urllib.parse

# Means: starting it again as it is configured cannot help.
PERMANENT_FAILURE = 125

LINKS_TIMEOUT_SECONDS = 5
CLIENT_TIMEOUT_SECONDS = 30
MAX_LINKS = 10_000
MAX_PAGE_BYTES = 16 * 1024 * 1024

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font-family: system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-bottom: 1px solid #ddd; padding: 0.4rem; text-align: left; }}
td {{ overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>{title}</h1>
{content}
</body>
</html>
"""


class LinksError(Exception):
    """The links cannot be had; the message is a sentence for the reader."""


class LinksClient:
    """Reads links. `url` is the server's address, such as http://127.0.0.1:8080. Used by any thread."""

    def __init__(self, url):
        """Raises ValueError, with a sentence, unless `url` is an http URL with a host and no path."""
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"{url!r} is not of the form http://127.0.0.1:8080")
        self._host = parts.hostname
        self._port = parts.port or 80  # A port that is no number raises ValueError.
        self.url = url

    def all_links(self):
        """Returns ([(code, url), …], whether these are all). At most MAX_LINKS. Raises LinksError."""
        links = []
        after = ""
        # http.client heeds no proxy variables, which must not lead away from this machine.
        connection = http.client.HTTPConnection(self._host, self._port, timeout=LINKS_TIMEOUT_SECONDS)
        try:
            while len(links) < MAX_LINKS:
                page, after = self._page(connection, after)
                links.extend(page)
                if not after:
                    return links, True
            return links, False
        except (OSError, http.client.HTTPException) as error:
            raise LinksError(f"The links server at {self.url} cannot be reached: {error}.") from error
        finally:
            connection.close()

    def _page(self, connection, after):
        query = urllib.parse.urlencode({"after": after, "limit": 1000} if after else {"limit": 1000})
        connection.request("GET", f"/links?{query}")
        response = connection.getresponse()
        body = response.read(MAX_PAGE_BYTES)
        if response.status != 200:
            raise LinksError(f"The links server at {self.url} answered with status {response.status}.")
        try:
            page = json.loads(body)
            return [(str(link["code"]), str(link["url"])) for link in page["links"]], page["next"]
        except (ValueError, KeyError, TypeError) as error:
            raise LinksError(f"The links server at {self.url} sent an answer that is no list of links.") from error


def render(title, content):
    """The page. `content` is HTML; `title` is text."""
    return PAGE.format(title=html.escape(title), content=content)


def render_links(links, complete):
    """The page with a table of `links`; everything in them is escaped, for anybody may have made them."""
    if not links:
        return render("Short links", "<p>There are no links yet.</p>")
    count = "1 link" if len(links) == 1 else f"{len(links)} links"
    if not complete:
        count = f"The first {count}; there are more"
    rows = "\n".join(
        f'<tr><td>{html.escape(code)}</td><td><a href="{html.escape(url)}" rel="noopener noreferrer">'
        f"{html.escape(url)}</a></td></tr>"
        for code, url in links
    )
    table = f"<table>\n<thead><tr><th>Code</th><th>Leads to</th></tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"
    return render("Short links", f"<p>{count}.</p>\n{table}")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one connection's requests, on a thread of its own."""

    protocol_version = "HTTP/1.1"
    server_version = "report"
    sys_version = ""
    timeout = CLIENT_TIMEOUT_SECONDS

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        if path == "/health":
            self._send(200, "text/plain", "ok\n")
        elif path == "/":
            self._send_page()
        else:
            self._send(404, "text/html", render("Not found", "<p>There is nothing at this path.</p>"))

    do_HEAD = do_GET

    def do_POST(self):
        self.close_connection = True  # The body is not read, so the next request could not be found.
        self._send(405, "text/html", render("Not allowed", "<p>These pages can only be read.</p>"), Allow="GET, HEAD")

    do_DELETE = do_PATCH = do_PUT = do_POST

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """Requests are not logged; errors are told to the client."""

    def _send_page(self):
        try:
            links, complete = self.server.links.all_links()
        except LinksError as error:
            page = render("The links are not available", f"<p>{html.escape(str(error))}</p>")
            self._send(502, "text/html", page)
            return
        self._send(200, "text/html", render_links(links, complete))

    def _send(self, status, content_type, text, **headers):
        body = text.encode("utf-8", errors="replace")
        if self.server.draining:
            self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", f"{content_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class ReportServer(http.server.ThreadingHTTPServer):
    """The HTTP server, on 127.0.0.1. It sets SO_REUSEADDR, as every http.server does: the port may be held for it, bound
    but not listening, by whoever started it."""

    request_queue_size = 128
    daemon_threads = False  # server_close then waits for the requests under way.

    def __init__(self, port, links):
        """Listens on `port`, 0 for any. Raises OSError when it cannot be had."""
        self.links = links
        self.draining = False
        self._lock = threading.Lock()
        self._connections = set()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self):
        # As inherited, it would ask for this machine's name, and wait for a name server.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address

    def serve(self):
        """Serves until drain is called. Sleeps when nothing happens: serve_forever would wake up twice a second."""
        while not self.draining:
            self.handle_request()

    def drain(self):
        """Lets serve return, ends idle connections, and returns when the requests under way are answered."""
        self.draining = True
        self.socket.shutdown(socket.SHUT_RDWR)  # Wakes serve up.
        with self._lock:
            for connection in self._connections:
                # What has arrived is still read and answered; then the connection ends.
                self._shut(connection, socket.SHUT_RD)
        self.server_close()

    def process_request(self, request, client_address):
        with self._lock:
            self._connections.add(request)
            if self.draining:
                self._shut(request, socket.SHUT_RD)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        """A client that went away is nobody's fault; everything else is told to the operator."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    @staticmethod
    def _shut(connection, how):
        try:
            connection.shutdown(how)
        except OSError:
            pass  # It is closed already.


class Parser(argparse.ArgumentParser):
    """Bad arguments are permanent."""

    def error(self, message):
        self.exit(PERMANENT_FAILURE, f"report_server: {message}\n")


def main():
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--links", required=True, help="the links server: http://127.0.0.1:8080")
    parser.add_argument("--port", type=int, required=True, help="the port to listen on, on 127.0.0.1; 0 for any")
    arguments = parser.parse_args()
    if not 0 <= arguments.port <= 65535:
        parser.error(f"--port={arguments.port} is not a port")
    try:
        links = LinksClient(arguments.links)
    except ValueError as error:
        parser.error(f"--links: {error}")

    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # Before there are threads, so that none of them is hit.
    try:
        server = ReportServer(arguments.port, links)
    except OSError as error:
        print(f"report_server: cannot listen on 127.0.0.1:{arguments.port}: {error}", file=sys.stderr)
        return 1
    print(f"report_server: serving on 127.0.0.1:{server.server_port}", file=sys.stderr, flush=True)
    serving = threading.Thread(target=server.serve)
    serving.start()
    signal.sigwait(signals)
    server.drain()
    serving.join()
    print("report_server: drained", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
