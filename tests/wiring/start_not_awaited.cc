#include "services/links/links.h"
#include "supervisor/task/task.h"

namespace espalier {

Task<void> Wire(Nursery& nursery) {
#ifdef ESPALIER_POSITIVE_TWIN
  co_await StartLinks<Http2Url>(nursery, std::nullopt);
#else
  StartLinks<Http2Url>(nursery, std::nullopt);
#endif
  co_return;
}

}  // namespace espalier
