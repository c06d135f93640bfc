#include "services/links/links.h"

#include <utility>

#include "services/postgres/libpq_client.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/wiring/command.h"

namespace espalier {
namespace {

const char* ProtocolFlag(const HttpUrl&) { return "--protocol=http1"; }
const char* ProtocolFlag(const Http2Url&) { return "--protocol=http2"; }

Readiness ReadyAt(const HttpUrl& url) { return Readiness::HttpOk(url); }
Readiness ReadyAt(const Http2Url& url) { return Readiness::GrpcHealth(url); }

void KeepIn(const Postgres& postgres, const Service& links, Command& command) {
  command.arguments.push_back(Text("--store=", postgres.url));
  ConnectLibpq(postgres, links.runtime(), command);
}

void KeepIn(const Sqlite& sqlite, const Service&, Command& command) {
  command.arguments.push_back(Text("--store=sqlite:", sqlite.file));
}

}  // namespace

template <typename Url>
  requires kIsOneOf<Url, HttpUrl, Http2Url>
Task<Links<Url>> StartLinks(Nursery& nursery, std::optional<LinksStore> store,
                            LinksOptions options) {
  Service links = nursery.NewService(options.name);
  const Url url = links.Listen<Url>();
  Command command = {.program = Program::Built("services/links/links_server"),
                     .arguments = {ProtocolFlag(url)},
                     .readiness = ReadyAt(url)};
  std::visit([&](const auto& kept) { KeepIn(kept, links, command); },
             store.value_or(Sqlite{.file = links.data() / "links.db"}));
  co_return co_await links.Start(std::move(command), Links<Url>{.url = url});
}

template Task<Links<HttpUrl>> StartLinks(Nursery&, std::optional<LinksStore>,
                                         LinksOptions);
template Task<Links<Http2Url>> StartLinks(Nursery&, std::optional<LinksStore>,
                                          LinksOptions);

}  // namespace espalier
