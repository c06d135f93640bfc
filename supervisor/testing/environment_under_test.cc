#include "supervisor/testing/environment_under_test.h"

#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "supervisor/testing/test_deadline.h"

namespace espalier {

absl::Status NoSuchService(absl::string_view path,
                           const std::vector<ServiceUnderTest>& services) {
  const auto append = [](std::string* out, const ServiceUnderTest& service) {
    out->append(service.path);
  };
  return absl::NotFoundError(
      absl::StrCat("no service is called `", path,
                   "`; there are: ", absl::StrJoin(services, ", ", append)));
}

absl::Status WaitedTooLong(absl::string_view what,
                           const ServiceUnderTest& service) {
  std::ostringstream now;
  now << service;
  return absl::DeadlineExceededError(absl::StrCat(
      "waited ", UntilTestDeadline(), " for ", what, "; ", now.str()));
}

}  // namespace espalier
