#include "supervisor/ports/process_sockets.h"

#include <dirent.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace espalier {
namespace {

// What of a file in /proc is read at most; the files we read are shorter.
constexpr size_t kMaxFile = 1 << 20;

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

// Calls `each` with the name of every entry; false, with errno set, if the
// directory cannot be opened.
bool ForEachEntry(const std::string& path,
                  absl::FunctionRef<void(const char*)> each) {
  Directory directory(opendir(path.c_str()));
  if (directory == nullptr) return false;
  while (const dirent* entry = readdir(directory.get())) each(entry->d_name);
  return true;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::string content(kMaxFile, '\0');
  file.read(content.data(), content.size());
  content.resize(file.gcount());
  return content;
}

// Adds the children of `pid`; false if this kernel does not list them
// (CONFIG_PROC_CHILDREN).
bool AppendListedChildren(pid_t pid, std::vector<pid_t>& processes) {
  bool listed = true;
  ForEachEntry(absl::StrCat("/proc/", pid, "/task"), [&](const char* thread) {
    if (thread[0] == '.') return;
    const std::string path =
        absl::StrCat("/proc/", pid, "/task/", thread, "/children");
    const std::string content = ReadFile(path);
    // An empty list is usual; what counts is whether there is such a file. If
    // the thread has gone meanwhile, so has its directory.
    if (content.empty() && access(path.c_str(), F_OK) != 0 &&
        access(absl::StrCat("/proc/", pid, "/task/", thread).c_str(), F_OK) ==
            0) {
      listed = false;
    }
    for (absl::string_view word :
         absl::StrSplit(content, ' ', absl::SkipEmpty())) {
      pid_t child;
      if (absl::SimpleAtoi(word, &child)) processes.push_back(child);
    }
  });
  return listed;
}

// The parent, from /proc/<pid>/stat: "7 (name, with anything in it) S 1 …".
pid_t ParentOf(pid_t pid) {
  const std::string stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  const size_t end_of_name = stat.rfind(')');
  if (end_of_name == std::string::npos) return 0;
  const std::vector<absl::string_view> fields = absl::StrSplit(
      absl::string_view(stat).substr(end_of_name + 1), ' ', absl::SkipEmpty());
  pid_t parent;
  return fields.size() > 1 && absl::SimpleAtoi(fields[1], &parent) ? parent : 0;
}

// The same from every process's parent.
std::vector<pid_t> TreeByParents(pid_t root) {
  absl::flat_hash_map<pid_t, std::vector<pid_t>> children;
  for (pid_t pid : AllProcesses()) children[ParentOf(pid)].push_back(pid);
  std::vector<pid_t> tree = {root};
  for (size_t i = 0; i < tree.size() && tree.size() < kMaxProcesses; ++i) {
    const auto found = children.find(tree[i]);
    if (found == children.end()) continue;
    tree.insert(tree.end(), found->second.begin(), found->second.end());
  }
  return tree;
}

// 0, or the errno of why it could not be read.
int ReadSockets(pid_t pid, absl::flat_hash_set<uint64_t>& sockets) {
  const std::string directory = absl::StrCat("/proc/", pid, "/fd");
  bool denied = false;
  const bool opened = ForEachEntry(directory, [&](const char* fd) {
    char target[64];
    const ssize_t size = readlink(absl::StrCat(directory, "/", fd).c_str(),
                                  target, sizeof target);
    if (size < 0 && errno == EACCES) denied = true;
    absl::string_view inode(target, size > 0 ? size : 0);
    uint64_t number;
    if (absl::ConsumePrefix(&inode, "socket:[") &&
        absl::ConsumeSuffix(&inode, "]") && absl::SimpleAtoi(inode, &number)) {
      sockets.insert(number);
    }
  });
  if (!opened) return errno;
  return denied ? EACCES : 0;
}

// Runs `read` with the file system identity of the owner of `pid`. That changes
// this thread only, but it also makes the whole process undumpable and takes
// the thread's parent-death signal away, which are put back.
int ReadAsOwner(pid_t pid, absl::FunctionRef<int()> read) {
  struct stat owner;
  if (stat(absl::StrCat("/proc/", pid, "/task").c_str(), &owner) != 0) {
    return errno;
  }
  const int dumpable = prctl(PR_GET_DUMPABLE);
  int death_signal = 0;
  prctl(PR_GET_PDEATHSIG, &death_signal);
  const int gid = setfsgid(owner.st_gid);
  const int uid = setfsuid(owner.st_uid);
  const int error = read();
  setfsuid(uid);
  setfsgid(gid);
  if (dumpable == 1) prctl(PR_SET_DUMPABLE, 1);
  if (death_signal != 0) prctl(PR_SET_PDEATHSIG, death_signal);
  return error;
}

}  // namespace

std::vector<pid_t> ProcessTree(pid_t root) {
  std::vector<pid_t> tree = {root};
  for (size_t i = 0; i < tree.size() && tree.size() < kMaxProcesses; ++i) {
    if (!AppendListedChildren(tree[i], tree)) return TreeByParents(root);
  }
  return tree;
}

std::vector<pid_t> AllProcesses() {
  std::vector<pid_t> processes;
  ForEachEntry("/proc", [&](const char* name) {
    pid_t pid;
    if (processes.size() < kMaxProcesses && absl::SimpleAtoi(name, &pid)) {
      processes.push_back(pid);
    }
  });
  return processes;
}

absl::StatusOr<absl::flat_hash_set<uint64_t>> SocketsOf(pid_t pid) {
  absl::flat_hash_set<uint64_t> sockets;
  int error = ReadSockets(pid, sockets);
  if (error == EACCES && geteuid() == 0) {
    error = ReadAsOwner(pid, [&] { return ReadSockets(pid, sockets); });
  }
  if (error != 0) {
    return absl::ErrnoToStatus(
        error, absl::StrCat("cannot see what process ", pid, " has open"));
  }
  return sockets;
}

std::string ProcessName(pid_t pid) {
  std::string name = ReadFile(absl::StrCat("/proc/", pid, "/comm"));
  absl::StripTrailingAsciiWhitespace(&name);
  for (char& c : name) {
    if (!absl::ascii_isprint(c)) c = '?';
  }
  return name.empty() ? "?" : name;
}

}  // namespace espalier
