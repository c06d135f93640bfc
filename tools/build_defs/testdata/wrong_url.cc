#include "absl/status/statusor.h"

struct HttpUrl {};
struct Http2Url {};

template <typename Url>
struct Links {};

void StartGateway(Links<Http2Url>) {}

void Wire() {
  absl::StatusOr<int> included = 1;
#ifdef ESPALIER_POSITIVE_TWIN
  StartGateway(Links<Http2Url>());
#else
  StartGateway(Links<HttpUrl>());
#endif
}
