#include "supervisor/wiring/handle.h"

namespace espalier {

// A share between 0 and 1 does not travel; percent do.
struct Sampled {
  HttpUrl url;
#ifdef ESPALIER_POSITIVE_TWIN
  int share;
#else
  double share;
#endif
  ESPALIER_HANDLE(Sampled, url, share);
};

}  // namespace espalier
