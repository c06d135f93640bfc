#include "services/links/links.h"

namespace espalier {

#ifdef ESPALIER_POSITIVE_TWIN
Links<HttpUrl> Make(HttpUrl url) { return {.url = url}; }
#else
Links<HttpUrl> Make(HttpUrl) { return {.url = "http://127.0.0.1:8080"}; }
#endif

}  // namespace espalier
