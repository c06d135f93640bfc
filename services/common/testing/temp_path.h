#ifndef ESPALIER_SERVICES_COMMON_TESTING_TEMP_PATH_H_
#define ESPALIER_SERVICES_COMMON_TESTING_TEMP_PATH_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace espalier {

// A directory of its own below TEST_TMPDIR, removed with all it holds at the
// end.
class TempPath {
 public:
  TempPath() : directory_(testing::TempDir() + "/test.XXXXXX") {
    if (mkdtemp(directory_.data()) == nullptr) ADD_FAILURE() << directory_;
  }
  TempPath(const TempPath&) = delete;
  TempPath& operator=(const TempPath&) = delete;
  ~TempPath() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  // The path of `name` in it.
  std::string operator/(const std::string& name) const {
    return directory_ + "/" + name;
  }

 private:
  std::string directory_;
};

}  // namespace espalier

#endif  // ESPALIER_SERVICES_COMMON_TESTING_TEMP_PATH_H_
