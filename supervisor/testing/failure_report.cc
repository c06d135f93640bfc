#include "supervisor/testing/failure_report.h"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

// "<Suite>.<Test>", or the suite between its tests, as the name of a directory.
std::string TestName() {
  const testing::UnitTest& program = *testing::UnitTest::GetInstance();
  std::string name = "tests";
  if (const auto* test = program.current_test_info()) {
    name = absl::StrCat(test->test_suite_name(), ".", test->name());
  } else if (const auto* suite = program.current_test_suite()) {
    name = suite->name();
  }
  return absl::StrReplaceAll(name, {{"/", "_"}});
}

// A new directory, since a test may have several environments.
fs::path MakeDirectory(const fs::path& outputs, std::error_code& failed) {
  const std::string name = TestName();
  for (int i = 1;; ++i) {
    fs::path directory = outputs / absl::StrCat(name, "-", i);
    if (fs::create_directories(directory, failed) || failed) return directory;
  }
}

}  // namespace

bool HasTestFailed() {
  const testing::UnitTest& program = *testing::UnitTest::GetInstance();
  if (program.current_test_info() != nullptr) {
    return testing::Test::HasFailure();
  }
  // What ends with its suite ends outside of any test.
  const testing::TestSuite* const suite = program.current_test_suite();
  return suite != nullptr ? suite->Failed() : program.Failed();
}

void ShowServices(const std::vector<ServiceUnderTest>& services) {
  for (const ServiceUnderTest& service : services) {
    std::cerr << "---- " << service << "\n";
  }
}

KeptLogs KeptLogs::Keep(const std::vector<ServiceUnderTest>& services) {
  KeptLogs kept;
  const char* const outputs = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  if (outputs == nullptr || *outputs == '\0') return kept;
  for (const ServiceUnderTest& service : services) {
    if (service.generation == 0) continue;  // It has not run.
    std::error_code failed;
    if (kept.directory_.empty())
      kept.directory_ = MakeDirectory(outputs, failed).string();
    const fs::path file =
        fs::path(kept.directory_) / absl::StrCat(service.path, ".log");
    if (!failed) fs::create_directories(file.parent_path(), failed);
    if (!failed) fs::copy_file(service.log_file, file, failed);
    if (!failed) {
      kept.copies_.push_back({service.log_file, file.string()});
    } else {
      std::cerr << "The log " << service.log_file << " could not be kept as "
                << file.string() << ": " << failed.message() << "\n";
    }
  }
  return kept;
}

void KeptLogs::Announce() const {
  if (copies_.empty()) return;
  std::cerr << "The logs are kept in " << directory_ << "\n";
}

absl::Status KeptLogs::Name(const absl::Status& error) const {
  std::string message(error.message());
  for (const Copy& copy : copies_) {
    message = absl::StrReplaceAll(message, {{copy.log_file, copy.file}});
  }
  return absl::Status(error.code(), message);
}

void KeptLogs::Remove() const {
  std::error_code ignored;
  if (!directory_.empty()) fs::remove_all(directory_, ignored);
}

}  // namespace espalier
