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

}  // namespace

template <LinksProtocol Url>
Task<Links<Url>> StartLinks(Nursery& nursery, std::optional<Postgres> postgres,
                            LinksOptions options) {
  Service links = nursery.NewService(options.name);
  const Url url = links.Listen<Url>();
  const Path database = options.database.value_or(links.data() / "links.db");
  const Text store = postgres ? Text(postgres->url) : Text("sqlite:", database);
  Command command = {.program = Program::Built("services/links/links_server"),
                     .arguments = {ProtocolFlag(url), Text("--store=", store)},
                     .readiness = ReadyAt(url)};
  if (postgres) ConnectLibpq(*postgres, links.runtime(), command);
  co_return co_await links.Start(std::move(command), Links<Url>{.url = url});
}

template Task<Links<HttpUrl>> StartLinks(Nursery&, std::optional<Postgres>,
                                         LinksOptions);
template Task<Links<Http2Url>> StartLinks(Nursery&, std::optional<Postgres>,
                                          LinksOptions);

}  // namespace espalier
