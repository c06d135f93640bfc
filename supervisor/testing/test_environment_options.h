#ifndef ESPALIER_SUPERVISOR_TESTING_TEST_ENVIRONMENT_OPTIONS_H_
#define ESPALIER_SUPERVISOR_TESTING_TEST_ENVIRONMENT_OPTIONS_H_

#include <map>
#include <set>
#include <string>

namespace espalier {

struct TestEnvironmentOptions {
  // Services that the test runs itself; see RuntimeOptions::external.
  std::map<std::string, std::string> external = {};
  // Where data, logs and secrets go; by default a new directory that is removed
  // at the end.
  std::string data_dir = {};
  std::string instance = "default";
  // Programs of the operating system that count as not installed.
  std::set<std::string> not_installed = {};
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_TEST_ENVIRONMENT_OPTIONS_H_
