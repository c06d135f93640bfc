#ifndef ESPALIER_ENVIRONMENTS_TWO_H_
#define ESPALIER_ENVIRONMENTS_TWO_H_

#include <optional>
#include <string>

#include "services/gateway/gateway.h"
#include "services/links/links.h"
#include "services/report/report.h"
#include "supervisor/task/task.h"
#include "supervisor/wiring/handle.h"

namespace espalier {

class Nursery;

struct TwoOptions {
  // The SQLite file that both links servers share, in the instance's data
  // directory.
  std::string database = "links.db";
  // Whether there is a report, with a links server of its own.
  bool report = true;
};

// What the outside world sees of the environment.
struct TwoSite {
  Gateway gateway;
  std::optional<Report> report;

  ESPALIER_HANDLE(TwoSite, gateway, report);
};

// Short links without any installed server: one links server speaks HTTP/2 to
// the gateway, another HTTP/1.1 to the report, and both keep their links in the
// same file.
Task<TwoSite> Two(Nursery& nursery, const TwoOptions& options);

}  // namespace espalier

#endif  // ESPALIER_ENVIRONMENTS_TWO_H_
