"""Measures environment `one` on this machine, and prints three figures.

  bazel run -c opt //tests/bench:one_start -- [--pairs=9] [--restarts=10] [--directory=/dev/shm]

1. Its warm start until everything is ready, divided by that of the bare servers: the longest chain of them (postgres,
   links, gateway, nginx), started one after the other by this program, each as soon as the one before answers. Both on
   the same data, one just after the other; the quotient's median counts.
2. How long after a server says in its log that it is ready, the environment takes it for ready.
3. How many connections to links are refused while it is restarted again and again.
"""

import argparse
import datetime
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time

_ONE = os.path.abspath("environments/one")
_ENVCTL = os.path.abspath("tools/envctl/envctl")
_CHAIN = ["postgres", "links", "gateway", "nginx"]
_HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


class One:
    """The environment as a program."""

    def __init__(self, data_dir):
        self.began = time.monotonic()
        self.data_dir = data_dir
        self.process = subprocess.Popen([_ONE, f"--data_dir={data_dir}"], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        output = []
        for line in self.process.stdout:
            output.append(line)
            if "Ctrl-C stops it" in line:
                self.seconds = time.monotonic() - self.began
                return
        raise RuntimeError("".join(output))

    def envctl(self, *arguments):
        return subprocess.run([_ENVCTL, f"--data_dir={self.data_dir}", *arguments], check=True,
                              stdout=subprocess.PIPE, text=True).stdout

    def services(self):
        return {it["name"]: it for it in json.loads(self.envctl("ps", "--json"))["services"]}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()


class Server:
    """A server of the environment, which can be started as it was there, without it."""

    def __init__(self, service, data_dir):
        base = f"/proc/{service['pid']}/"
        own = os.path.join(data_dir, "one/default/data", service["name"])
        # Some write over what they were given.
        arguments = {"nginx": ["-e", "stderr", "-p", own, "-c", f"{own}/nginx.conf", "-g", "daemon off;"],
                     "redis": [f"{own}/redis.conf"]}
        self.program = os.readlink(base + "exe")
        if service["name"] in arguments:
            self.argv = [{"redis": "redis-server"}.get(service["name"], self.program), *arguments[service["name"]]]
            self.environment = {"PATH": "/usr/bin:/bin", "NGINX": "3;"}
        else:
            self.argv = _split(base + "cmdline")
            self.environment = dict(it.split("=", 1) for it in _split(base + "environ"))
        self.directory = os.readlink(base + "cwd")
        self.owner = os.stat(base).st_uid, os.stat(base).st_gid
        url = service["endpoints"].get("url", "")
        self.port = int(url.rsplit(":", 1)[1]) if url.startswith("http") else None
        self.listener = None

    def start(self):
        if self.port:
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", self.port))
            self.listener.listen(512)
        self.pid = os.fork()
        if self.pid == 0:
            self._become()

    def _become(self):
        try:
            # Before the change of user, who may not reach it.
            program = fcntl.fcntl(os.open(self.program, os.O_RDONLY), fcntl.F_DUPFD_CLOEXEC, 10)
            os.chdir(self.directory)
            null = os.open("/dev/null", os.O_RDWR)
            for number in range(3):
                os.dup2(null, number)
            if self.listener:
                os.dup2(self.listener.fileno(), 3)
                os.set_inheritable(3, True)
                self.environment["LISTEN_PID"] = str(os.getpid())
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(self.owner[1])
                os.setuid(self.owner[0])
            os.execve(program, self.argv, self.environment)
        finally:
            os._exit(127)

    def stop(self, number):
        os.kill(self.pid, number)
        os.waitpid(self.pid, 0)
        if self.listener:
            self.listener.close()

    def ask(self, request):
        """Sends a request and waits for the first of the answer; the socket is there before the server."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            assert connection.recv(1)


def _split(path):
    with open(path) as file:
        return file.read().rstrip("\0").split("\0")


def _await_postgres(data_dir):
    path = os.path.join(data_dir, "one/default/data/postgres/cluster/postmaster.pid")
    while True:
        try:
            with open(path) as file:
                lines = file.read().split("\n")
            if len(lines) > 7 and lines[7].startswith("ready"):
                return
        except FileNotFoundError:
            pass
        time.sleep(0.0002)


def start_by_hand(servers, data_dir):
    """Seconds until the last of the chain answers."""
    # The latest run of the environment has written it, with a port of its own.
    with open(os.path.join(data_dir, "one/default/data/nginx/nginx.conf")) as file:
        servers["nginx"].port = int(re.search(r"listen [\d.]+:(\d+);", file.read()).group(1))
    began = time.monotonic()
    servers["redis"].start()
    servers["postgres"].start()
    _await_postgres(data_dir)
    servers["links"].start()
    servers["links"].ask(_HTTP2_HELLO)
    servers["gateway"].start()
    servers["gateway"].ask(b"GET /health HTTP/1.0\r\n\r\n")
    servers["nginx"].start()
    servers["nginx"].ask(b"GET /nginx-health HTTP/1.0\r\n\r\n")
    seconds = time.monotonic() - began
    for name in ["nginx", "gateway", "links", "redis", "postgres"]:
        servers[name].stop(signal.SIGINT if name == "postgres" else signal.SIGTERM)
    return seconds


def noticed_after(one):
    """Milliseconds, by service, from the server's word to the environment's."""
    ready = {}
    for line in one.envctl("events", "--json").splitlines():
        event = json.loads(line)
        if event.get("to") == "READY":
            ready[event["service"]] = datetime.datetime.fromisoformat(event["time"]).timestamp()
    result = {}
    patterns = {"postgres": (r"^(\S+ \S+) \w+ .*database system is ready", "%Y-%m-%d %H:%M:%S.%f"),
                "redis": (r"^\S+ (\d+ \w+ \d+ [\d:.]+) \* .*ready to accept", "%d %b %Y %H:%M:%S.%f")}
    for service, (pattern, form) in patterns.items():
        with open(one.services()[service]["log_file"]) as file:
            said = re.findall(pattern, file.read(), re.MULTILINE)[-1]
        # Local time, in whole milliseconds: what comes of it is up to one too much.
        moment = datetime.datetime.strptime(said, form).timestamp()
        result[service] = (ready[service] - moment) * 1000
    return result


def refused_during(one, restarts):
    """Connections to links that were refused, and all, while it is restarted."""
    port = int(one.services()["links"]["endpoints"]["url"].rsplit(":", 1)[1])
    counts = {"refused": 0, "all": 0}
    over = threading.Event()

    def connect():
        while not over.is_set():
            counts["all"] += 1
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                counts["refused"] += 1

    thread = threading.Thread(target=connect)
    thread.start()
    for _ in range(restarts):
        one.envctl("restart", "links")
    over.set()
    thread.join()
    return counts["refused"], counts["all"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--directory", default="/tmp", help="where files are made; in memory: /dev/shm")
    options = parser.parse_args()
    data_dir = tempfile.mkdtemp(prefix="espalier-one-", dir=options.directory)
    os.chmod(data_dir, 0o711)
    try:
        measure(data_dir, options)
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


def measure(data_dir, options):
    with One(data_dir) as one:
        services = one.services()
        servers = {name: Server(services[name], data_dir) for name in [*_CHAIN, "redis"]}
        # Where the sockets are, which goes when the environment does.
        run = os.path.dirname(servers["links"].environment["PGHOST"])
        kept = os.path.join(data_dir, "run")
        shutil.copytree(run, kept, ignore=_sockets)
        _give_like(run, kept)
        refused, connections = refused_during(one, options.restarts)
    quotients, noticed = [], {"postgres": [], "redis": []}
    for _ in range(options.pairs):
        with One(data_dir) as one:
            for service, milliseconds in noticed_after(one).items():
                noticed[service].append(milliseconds)
        os.makedirs(os.path.dirname(run), exist_ok=True)
        shutil.copytree(kept, run, dirs_exist_ok=True)
        _give_like(kept, run)
        by_hand = start_by_hand(servers, data_dir)
        quotients.append(one.seconds / by_hand)
        print(f"one {one.seconds * 1000:6.1f} ms   by hand {by_hand * 1000:6.1f} ms   {quotients[-1]:.2f}", flush=True)
    print(f"warm start / by hand, median of {options.pairs}: {statistics.median(quotients):.2f}")
    for service, milliseconds in noticed.items():
        print(f"{service}: ready noticed after {statistics.median(milliseconds):.1f} ms (median)")
    print(f"links restarted {options.restarts} times: {refused} of {connections} connections refused")


def _sockets(directory, names):
    return [it for it in names if not os.path.isfile(os.path.join(directory, it))
            and not os.path.isdir(os.path.join(directory, it))]


def _give_like(source, target):
    """The owners of what was copied."""
    for directory, names, files in os.walk(target):
        for name in [".", *names, *files]:
            path = os.path.join(directory, name)
            like = os.lstat(os.path.join(source, os.path.relpath(path, target)))
            os.lchown(path, like.st_uid, like.st_gid)


if __name__ == "__main__":
    main()
