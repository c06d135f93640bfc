#include "services/report/report.h"

#include "supervisor/nursery/nursery.h"
#include "supervisor/wiring/command.h"

namespace espalier {

Task<Report> StartReport(Nursery& nursery, Links<HttpUrl> links,
                         ReportOptions options) {
  Service report = nursery.NewService(options.name);
  const HttpUrl url = report.Reserve<HttpUrl>();
  co_return co_await report.Start(
      {.program = Program::Built("services/report/report_server"),
       .arguments = {Text("--links=", links.url), Text("--port=", url.port())},
       .readiness = Readiness::HttpOk(url)},
      Report{.url = url});
}

}  // namespace espalier
