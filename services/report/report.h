#ifndef ESPALIER_SERVICES_REPORT_REPORT_H_
#define ESPALIER_SERVICES_REPORT_REPORT_H_

#include <string>

#include "services/links/links.h"
#include "supervisor/task/task.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/handle.h"

namespace espalier {

class Nursery;

// A web page that lists the links.
struct Report {
  HttpUrl url;

  ESPALIER_HANDLE(Report, url);
};

struct ReportOptions {
  std::string name = "report";
};

// Starts the report: a Python program, which knows nothing of Espalier and
// binds a port that is held for it.
Task<Report> StartReport(Nursery& nursery, Links<HttpUrl> links,
                         ReportOptions options = {});

}  // namespace espalier

#endif  // ESPALIER_SERVICES_REPORT_REPORT_H_
