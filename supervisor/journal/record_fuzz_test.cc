// Whatever bytes a journal file has, it can be read, cut and continued.
#include <cstdint>
#include <string>
#include <vector>

#include "glog/logging.h"
#include "supervisor/journal/record.h"

namespace espalier {
namespace {

std::vector<std::string> Read(const std::string& file, size_t* end) {
  RecordScanner scanner(file);
  std::vector<std::string> bodies;
  while (const auto body = scanner.Next()) bodies.emplace_back(*body);
  CHECK_LE(scanner.end(), file.size());
  CHECK_EQ(scanner.end() + scanner.torn(), file.size());
  CHECK_LE(scanner.damaged(), bodies.size() + 1);
  *end = scanner.end();
  return bodies;
}

void Check(std::string file) {
  size_t end = 0;
  std::vector<std::string> bodies = Read(file, &end);
  file.resize(end);
  if (file.empty()) file = std::string(kJournalHeader);
  AppendRecord("next", file);
  bodies.push_back("next");
  CHECK(Read(file, &end) == bodies);
  CHECK_EQ(end, file.size());
}

}  // namespace
}  // namespace espalier

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  espalier::Check(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
