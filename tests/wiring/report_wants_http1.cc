#include "services/links/links.h"
#include "services/report/report.h"
#include "supervisor/task/task.h"

namespace espalier {

Task<Report> Wire(Nursery& nursery) {
#ifdef ESPALIER_POSITIVE_TWIN
  Links<HttpUrl> links = co_await StartLinks<HttpUrl>(nursery, std::nullopt);
#else
  Links<Http2Url> links = co_await StartLinks<Http2Url>(nursery, std::nullopt);
#endif
  co_return co_await StartReport(nursery, links);
}

}  // namespace espalier
