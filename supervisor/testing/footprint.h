#ifndef ESPALIER_SUPERVISOR_TESTING_FOOTPRINT_H_
#define ESPALIER_SUPERVISOR_TESTING_FOOTPRINT_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/ports/unique_fd.h"

namespace espalier {

// What the test's process and all that descends from it leave their mark with:
// processes, sockets that others can reach, and files. It can tell later what
// of it is still there, and never takes a new process or socket of an old
// number for the old one. One thread.
class Footprint {
 public:
  // Of the files, those in `directories` (absolute) count, not those deeper
  // down.
  explicit Footprint(std::vector<std::string> directories)
      : directories_(std::move(directories)) {}

  // Adds what is there now.
  void Record();

  // What was recorded here and not in `before`, and still is there: each a
  // sentence for a person.
  std::vector<std::string> LeftSince(const Footprint& before) const;

 private:
  struct Process {
    UniqueFd pidfd;
    std::string name;
  };

  void RecordProcess(pid_t pid);

  std::vector<std::string> directories_;
  std::map<pid_t, Process> processes_;
  std::set<uint64_t> sockets_;   // inodes
  std::set<std::string> files_;  // absolute paths
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_FOOTPRINT_H_
