#ifndef ESPALIER_SUPERVISOR_TESTING_TEST_DIRECTORY_H_
#define ESPALIER_SUPERVISOR_TESTING_TEST_DIRECTORY_H_

#include <string>

namespace espalier {

// A new directory for an environment under test, removed with all it holds at
// the end. Root's services run as another user, who must be able to enter it;
// so for root it lies in /tmp, and otherwise where tests put their files, which
// may be below a home that is closed to others.
class TestDirectory {
 public:
  // Ends the process if no directory can be made.
  TestDirectory();
  ~TestDirectory();
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  // Absolute.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_TEST_DIRECTORY_H_
