#include "tests/bench/peers.h"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "glog/logging.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

std::string Breath() { return fs::absolute("tests/bench/breath"); }

// Runs `command`, and turns the SIGTERM that ends a measurement into what the
// peer calls its end.
std::vector<std::string> Runner(int stop_signal,
                                std::vector<std::string> command) {
  std::vector<std::string> line = {fs::absolute("tests/bench/peer_runner"),
                                   absl::StrCat(stop_signal)};
  line.insert(line.end(), command.begin(), command.end());
  return line;
}

void WriteFile(const fs::path& path, absl::string_view text, bool executable) {
  std::ofstream(path) << std::string(text);
  if (executable) fs::permissions(path, fs::perms(0755));
  CHECK(fs::exists(path)) << path;
}

std::string BreathLine(const BenchSetup& setup, uint32_t index) {
  return absl::StrCat(Breath(), " ", setup.ledger, " ", index, " ",
                      setup.services);
}

// A directory for each service, with the script that becomes it.
fs::path RunDirectories(const BenchSetup& setup, bool notifies) {
  const fs::path scan = fs::path(setup.directory) / "scan";
  for (uint32_t i = 0; i < setup.services; ++i) {
    const fs::path service = scan / absl::StrCat("breath-", i);
    fs::create_directories(service);
    WriteFile(service / "run",
              absl::StrCat("#!/bin/sh\n", notifies ? "READY_FD=3 " : "",
                           "exec ", BreathLine(setup, i), "\n"),
              true);
    if (notifies) WriteFile(service / "notification-fd", "3\n", false);
  }
  return scan;
}

std::vector<std::string> S6(const BenchSetup& setup) {
  return Runner(SIGTERM, {"s6-svscan", "-c", absl::StrCat(setup.services + 10),
                          RunDirectories(setup, true).string()});
}

std::vector<std::string> Runit(const BenchSetup& setup) {
  return Runner(SIGHUP,
                {"runsvdir", "-P", RunDirectories(setup, false).string()});
}

std::vector<std::string> Supervisord(const BenchSetup& setup) {
  const std::string configuration = setup.directory + "/supervisord.conf";
  WriteFile(
      configuration,
      absl::StrCat("[supervisord]\nuser=root\nlogfile=", setup.directory,
                   "/supervisord.log\nloglevel=warn\npidfile=", setup.directory,
                   "/supervisord.pid\nchildlogdir=", setup.directory,
                   "\nminfds=20000\n",
                   "[program:breath]\nprocess_name=b%(process_num)d\nnumprocs=",
                   setup.services, "\ncommand=", Breath(), " ", setup.ledger,
                   " %(process_num)d ", setup.services,
                   "\nautorestart=true\nstartsecs=0\nstdout_logfile=NONE\n"
                   "stderr_logfile=NONE\n"),
      false);
  return Runner(SIGTERM, {"supervisord", "-n", "-c", configuration});
}

// An OTP supervisor with a server for each service, which holds its port.
std::vector<std::string> Otp(const BenchSetup& setup) {
  fs::copy_file(fs::absolute("tests/bench/otp_bench.erl"),
                setup.directory + "/otp_bench.erl");
  return Runner(SIGTERM,
                {"escript", setup.directory + "/otp_bench.erl", Breath(),
                 setup.ledger, absl::StrCat(setup.services)});
}

}  // namespace

std::vector<Peer> Peers() {
  return {{"s6", "s6-svscan", "s6", S6},
          {"runit", "runsvdir", "runit", Runit},
          {"supervisord", "supervisord", "supervisor", Supervisord},
          {"otp", "escript", "erlang-base", Otp}};
}

std::string FindPeer(const Peer& peer) {
  for (const char* directory :
       {"/usr/local/bin/", "/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"}) {
    const std::string path = directory + peer.program;
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

}  // namespace espalier
