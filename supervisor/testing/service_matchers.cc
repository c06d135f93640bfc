#include "supervisor/testing/service_matchers.h"

#include <fstream>
#include <iterator>

namespace espalier {

std::string ReadLog(const ServiceUnderTest& service) {
  std::ifstream log(service.log_file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(log), {});
}

}  // namespace espalier
