#include "supervisor/testing/test_directory.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "glog/logging.h"
#include "gtest/gtest.h"

namespace espalier {

TestDirectory::TestDirectory()
    // TempDir() may end with a slash; the path is to be as programs print it.
    : path_(
          (std::filesystem::path(geteuid() == 0 ? "/tmp" : testing::TempDir()) /
           "espalier-test-XXXXXX")
              .lexically_normal()
              .string()) {
  PCHECK(mkdtemp(path_.data()) != nullptr) << path_;
  PCHECK(chmod(path_.c_str(), 0711) == 0) << path_;
}

TestDirectory::~TestDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace espalier
