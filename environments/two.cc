#include "environments/two.h"

#include "services/sqlite/sqlite.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/task/all.h"

namespace espalier {
namespace {

Task<Gateway> StartFront(Nursery& nursery, Path database) {
  Links<Http2Url> links =
      co_await StartLinks<Http2Url>(nursery, Sqlite{.file = database});
  co_return co_await StartGateway(nursery, links, std::nullopt);
}

Task<std::optional<Report>> StartBack(Nursery& nursery, Path database,
                                      bool wanted) {
  if (!wanted) co_return std::nullopt;
  Links<HttpUrl> links = co_await StartLinks<HttpUrl>(
      nursery, Sqlite{.file = database}, {.name = "links-json"});
  co_return co_await StartReport(nursery, links);
}

}  // namespace

Task<TwoSite> Two(Nursery& nursery, const TwoOptions& options) {
  const Path database = nursery.SharedData(options.database);
  auto [gateway, report] =
      co_await All(StartFront(nursery, database),
                   StartBack(nursery, database, options.report));
  co_return TwoSite{.gateway = gateway, .report = report};
}

}  // namespace espalier
