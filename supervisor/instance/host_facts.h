#ifndef ESPALIER_SUPERVISOR_INSTANCE_HOST_FACTS_H_
#define ESPALIER_SUPERVISOR_INSTANCE_HOST_FACTS_H_

#include <sys/types.h>

#include <string>

#include "absl/strings/string_view.h"

namespace espalier {

// What decides where files go on this machine, gathered in one place so that
// tests can say something else.
struct HostFacts {
  // Reads them from this process and its environment.
  static HostFacts Current();

  // Where the state of all instances of this checkout lives. The first of:
  //   - `data_dir`, if not empty, made absolute;
  //   - $TEST_TMPDIR/espalier, under `bazel test`;
  //   - <home of state>/espalier/<CheckoutKey()>, the home of state being
  //     $XDG_STATE_HOME or ~/.local/state.
  // Root's services run as another user, who cannot enter /root: what would be
  // below root's home is below /var/lib then, or below `tmp` in a test.
  std::string StateRoot(const std::string& data_dir) const;

  // Where what all instances share, and can be made again, lives: in a hidden
  // directory of StateRoot() if `data_dir` is not empty or under `bazel test`;
  // else $XDG_CACHE_HOME/espalier or ~/.cache/espalier. Root's, which its
  // services must reach, is /var/cache/espalier instead of below its home.
  std::string CacheRoot(const std::string& data_dir) const;

  // Where sockets live: $XDG_RUNTIME_DIR/espalier if that directory is ours,
  // private and short, and we are not root; else <tmp>/espalier-<uid>. Short,
  // because the path of a socket has 107 characters at most.
  std::string RuntimeRoot() const;

  // Eight hexadecimal digits, the same for all programs that were built in one
  // checkout: from Bazel's output base if the program lies in one, else from
  // the workspace it was started by, else from the program's directory.
  std::string CheckoutKey() const;

  // Effective.
  uid_t uid = 0;
  // Real path of the running program.
  std::string executable = {};
  // Of the user: `bazel run` itself starts programs elsewhere.
  std::string working_directory = {};
  std::string home = {};
  std::string xdg_state_home = {};
  std::string xdg_cache_home = {};
  std::string xdg_runtime_dir = {};
  std::string test_tmpdir = {};
  std::string build_workspace_directory = {};
  std::string tmp = "/tmp";
};

// Eight hexadecimal digits of `text`, the same in every process and version.
std::string ShortHash(absl::string_view text);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_INSTANCE_HOST_FACTS_H_
