"""Tests of the report server: the page, what it makes of bad answers, and how it ends."""

import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import unittest

from services.report import report_server


class FakeLinks(http.server.ThreadingHTTPServer):
    """Stands for the links server: answers with `pages`, one after the other."""

    def __init__(self, pages, status=200):
        self.pages = list(pages)
        self.status = status
        self.paths = []
        super().__init__(("127.0.0.1", 0), FakeLinksHandler)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def stop(self):
        self.shutdown()
        self._thread.join()
        self.server_close()


class FakeLinksHandler(http.server.BaseHTTPRequestHandler):

    def do_GET(self):
        self.server.paths.append(self.path)
        body = self.server.pages.pop(0)
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def unused_url():
    """A URL at which nothing listens: the port is bound as long as the returned socket lives."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder, f"http://127.0.0.1:{holder.getsockname()[1]}"


class ReportTest(unittest.TestCase):

    def fake_links(self, pages, status=200):
        fake = FakeLinks(pages, status)
        self.addCleanup(fake.stop)
        return fake

    def serve(self, links_url):
        server = report_server.ReportServer(0, report_server.LinksClient(links_url))
        thread = threading.Thread(target=server.serve)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.drain)
        return server

    def get(self, server, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
        self.addCleanup(connection.close)
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()

    def test_shows_the_links(self):
        fake = self.fake_links([{"links": [{"code": "a", "url": "https://example.com/x"}], "next": None}])
        status, page = self.get(self.serve(fake.url), "/")
        self.assertEqual(status, 200)
        self.assertIn("<td>a</td>", page)
        self.assertIn('<a href="https://example.com/x"', page)
        self.assertIn("1 link.", page)

    def test_escapes_what_it_shows(self):
        url = "https://example.com/?a=1&b='\"><script>alert(1)</script>"
        fake = self.fake_links([{"links": [{"code": "<b>", "url": url}], "next": None}])
        _, page = self.get(self.serve(fake.url), "/")
        self.assertNotIn("<script>", page)
        self.assertNotIn("<b>", page)
        self.assertIn("?a=1&amp;b=&#x27;&quot;&gt;&lt;script&gt;", page)

    def test_reads_all_pages(self):
        first = {"links": [{"code": "a", "url": "https://a.example"}], "next": "a"}
        second = {"links": [{"code": "b", "url": "https://b.example"}], "next": None}
        fake = self.fake_links([first, second])
        _, page = self.get(self.serve(fake.url), "/")
        self.assertIn("2 links.", page)
        self.assertEqual(fake.paths, ["/links?limit=1000", "/links?after=a&limit=1000"])

    def test_says_that_there_are_none(self):
        fake = self.fake_links([{"links": [], "next": None}])
        status, page = self.get(self.serve(fake.url), "/")
        self.assertEqual(status, 200)
        self.assertIn("There are no links yet", page)

    def test_says_why_links_cannot_be_reached(self):
        holder, url = unused_url()
        self.addCleanup(holder.close)
        status, page = self.get(self.serve(url), "/")
        self.assertEqual(status, 502)
        self.assertIn(f"The links server at {url} cannot be reached", page)
        self.assertIn("refused", page)

    def test_bad_answers_are_a_bad_gateway(self):
        for answer in (b"no json", {"links": 3}, {"links": [{"code": "a"}], "next": None}, []):
            with self.subTest(answer=answer):
                fake = self.fake_links([answer])
                status, page = self.get(self.serve(fake.url), "/")
                self.assertEqual(status, 502)
                self.assertIn("no list of links", page)

    def test_error_of_links_is_a_bad_gateway(self):
        fake = self.fake_links([{"error": "no"}], status=503)
        status, page = self.get(self.serve(fake.url), "/")
        self.assertEqual(status, 502)
        self.assertIn("status 503", page)

    def test_other_requests(self):
        holder, url = unused_url()
        self.addCleanup(holder.close)
        server = self.serve(url)
        self.assertEqual(self.get(server, "/health"), (200, "ok\n"))
        self.assertEqual(self.get(server, "/health", method="HEAD"), (200, ""))
        self.assertEqual(self.get(server, "/nothing")[0], 404)
        self.assertEqual(self.get(server, "/", method="POST")[0], 405)

    def test_refuses_bad_links_urls(self):
        for url in ("", "127.0.0.1:80", "https://a", "http://", "http://a/path", "http://a:port"):
            with self.subTest(url=url), self.assertRaises(ValueError):
                report_server.LinksClient(url)


class ReportProcessTest(unittest.TestCase):
    PROGRAM = os.path.join(os.getcwd(), "services/report/report_server")

    def start(self, *arguments):
        process = subprocess.Popen([self.PROGRAM, *arguments], stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_listens_on_a_port_that_is_reserved_for_it(self):
        reservation = socket.socket()
        self.addCleanup(reservation.close)
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reservation.bind(("0.0.0.0", 0))
        port = reservation.getsockname()[1]
        process = self.start("--links=http://127.0.0.1:9", f"--port={port}")
        self.assertEqual(process.stderr.readline(), f"report_server: serving on 127.0.0.1:{port}\n")

    def test_ends_cleanly_on_sigterm_with_an_idle_connection(self):
        process = self.start("--links=http://127.0.0.1:9", "--port=0")
        port = int(process.stderr.readline().rsplit(":", 1)[1])
        connection = http.client.HTTPConnection("127.0.0.1", port)
        self.addCleanup(connection.close)
        connection.request("GET", "/health")
        self.assertEqual(connection.getresponse().read(), b"ok\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0)

    def test_bad_arguments_are_permanent(self):
        for arguments in ([], ["--bogus"], ["--links=x", "--port=0"], ["--links=http://a", "--port=99999"]):
            with self.subTest(arguments=arguments):
                process = self.start(*arguments)
                self.assertEqual(process.wait(), report_server.PERMANENT_FAILURE)
                self.assertEqual(len(process.stderr.read().splitlines()), 1)

    def test_a_taken_port_is_an_error(self):
        holder = socket.socket()
        self.addCleanup(holder.close)
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        process = self.start("--links=http://a", f"--port={holder.getsockname()[1]}")
        self.assertEqual(process.wait(), 1)
        self.assertIn("cannot listen", process.stderr.read())


if __name__ == "__main__":
    unittest.main()
