#include "supervisor/testing/service_under_test.h"

#include <fstream>
#include <iterator>

#include "absl/status/statusor.h"
#include "supervisor/logs/log_tail.h"

namespace espalier {

std::ostream& operator<<(std::ostream& out, const ServiceUnderTest& service) {
  out << service.path << " is " << service.state << " (run "
      << service.generation;
  if (service.pid != 0) out << ", process " << service.pid;
  if (service.last_exit) out << ", the last ended with " << *service.last_exit;
  out << "): " << service.why;
  const absl::StatusOr<LogTail> tail = LogTail::Read(service.log_file);
  if (!tail.ok() || tail->lines.empty()) return out;
  out << "\nits log ends with";
  for (const std::string& line : tail->lines) out << "\n  | " << line;
  return out;
}

std::string ReadLog(const ServiceUnderTest& service) {
  std::ifstream log(service.log_file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(log), {});
}

}  // namespace espalier
