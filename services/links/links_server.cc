// The server of short links. Its socket is passed to it (LISTEN_FDS); by hand,
// say
//
//   links_server --protocol=http1 --store=sqlite:/tmp/links.db
//   --address=127.0.0.1:8080

#include <cstdio>
#include <memory>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "services/common/listener.h"
#include "services/common/server_main.h"
#include "services/links/server/open_link_store.h"
#include "services/links/server/serve.h"

ABSL_FLAG(
    std::string, protocol, "",
    "What to speak: http1 (HTTP/1.1 with JSON) or http2 (HTTP/2 with gRPC).");
ABSL_FLAG(std::string, store, "",
          "Where the links are: sqlite:PATH, or postgresql://… (as libpq reads "
          "it; PGUSER, PGDATABASE and PGPASSFILE say the rest).");
ABSL_FLAG(std::string, address, "",
          "Where to listen when no socket is passed by LISTEN_FDS, such as "
          "127.0.0.1:8080.");

namespace espalier::links {
namespace {

absl::Status Run(int argc, char** argv) {
  absl::SetProgramUsageMessage("Serves short links.");
  absl::Status status = ParseFlags(argc, argv);
  if (!status.ok()) return status;
  const std::string protocol = absl::GetFlag(FLAGS_protocol);
  if (protocol != "http1" && protocol != "http2") {
    return absl::InvalidArgumentError(absl::StrCat(
        "--protocol must be http1 or http2, not \"", protocol, "\""));
  }
  const int stop_fd = TerminationFd();
  absl::StatusOr<Listener> listener =
      InheritOrBind(absl::GetFlag(FLAGS_address));
  if (!listener.ok()) return listener.status();
  absl::StatusOr<std::unique_ptr<LinkStore>> store =
      OpenLinkStore(absl::GetFlag(FLAGS_store));
  if (!store.ok()) return store.status();
  const std::string line = absl::StrCat("links_server: serving ", protocol,
                                        " on ", listener->address(), "\n");
  fputs(line.c_str(), stderr);
  auto* serve = protocol == "http1" ? &ServeHttp1 : &ServeHttp2;
  status = serve(**store, *std::move(listener), stop_fd);
  if (status.ok()) fputs("links_server: drained\n", stderr);
  return status;
}

}  // namespace
}  // namespace espalier::links

int main(int argc, char** argv) {
  return espalier::ExitCode("links_server", espalier::links::Run(argc, argv));
}
