#include "supervisor/keeper/program/own_cgroup.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "supervisor/keeper/program/small_text.h"

namespace espalier::keeper {
namespace {

// Whether the list "rw,memory" has it.
bool Has(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    if (TakePiece(&list, ',') == word) return true;
  }
  return false;
}

// From a line such as "4:memory:/path", or "0::/path" for version 2.
std::optional<std::string_view> OwnPath(std::string_view cgroup,
                                        std::string_view controller) {
  while (!cgroup.empty()) {
    std::string_view line = TakePiece(&cgroup, '\n');
    const std::string_view number = TakePiece(&line, ':');
    const std::string_view controllers = TakePiece(&line, ':');
    if (controller.empty() ? number == "0" && controllers.empty()
                           : Has(controllers, controller)) {
      return line;
    }
  }
  return std::nullopt;
}

bool IsMountOf(std::string_view line, std::string_view controller) {
  if (controller.empty()) {
    return line.find(" - cgroup2 ") != std::string_view::npos;
  }
  return line.find(" - cgroup ") != std::string_view::npos &&
         Has(line.substr(line.rfind(' ') + 1), controller);
}

}  // namespace

std::string ReadAll(const OwnedFd& file) {
  std::string all;
  if (!file) return all;
  char buffer[4096];
  ssize_t n;
  while ((n = pread(file.get(), buffer, sizeof buffer,
                    static_cast<off_t>(all.size()))) > 0) {
    all.append(buffer, static_cast<size_t>(n));
  }
  return all;
}

std::string ReadFile(const std::string& path) {
  return ReadAll(OwnedFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)));
}

std::optional<std::string> OwnCgroupDirectory(std::string_view mountinfo,
                                              std::string_view cgroup,
                                              std::string_view controller) {
  const auto own = OwnPath(cgroup, controller);
  if (!own.has_value()) return std::nullopt;
  while (!mountinfo.empty()) {
    std::string_view line = TakePiece(&mountinfo, '\n');
    if (!IsMountOf(line, controller)) continue;
    // Number, parent, device, root within the file system, mount point.
    for (int i = 0; i < 3; ++i) TakePiece(&line, ' ');
    const std::string_view root = TakePiece(&line, ' ');
    const std::string_view point = TakePiece(&line, ' ');
    std::string_view below = *own;
    if (root != "/") {
      if (!below.starts_with(root)) continue;
      below.remove_prefix(root.size());
      if (!below.empty() && below[0] != '/') continue;
    }
    if (below == "/") below = "";
    // A cgroup outside of this process's namespace of cgroups.
    if (below.starts_with("/..")) continue;
    return std::string(point) + std::string(below);
  }
  return std::nullopt;
}

uint64_t OomKills(std::string_view memory_events) {
  while (!memory_events.empty()) {
    std::string_view line = TakePiece(&memory_events, '\n');
    uint64_t kills = 0;
    if (TakePiece(&line, ' ') == "oom_kill" && TakeNumber(&line, &kills)) {
      return kills;
    }
  }
  return 0;
}

OwnOomKills::OwnOomKills() {
  const std::string mounts = ReadFile("/proc/self/mountinfo");
  const std::string own = ReadFile("/proc/self/cgroup");
  for (const auto& [controller, name] :
       {std::pair("memory", "/memory.oom_control"),
        std::pair("", "/memory.events")}) {
    const auto directory = OwnCgroupDirectory(mounts, own, controller);
    if (!directory.has_value()) continue;
    file_.Reset(open((*directory + name).c_str(), O_RDONLY | O_CLOEXEC));
    if (file_) break;
  }
  Any();
}

bool OwnOomKills::Any() {
  if (!file_) return false;
  const uint64_t kills = OomKills(ReadAll(file_));
  return std::exchange(seen_, kills) < kills;
}

}  // namespace espalier::keeper
