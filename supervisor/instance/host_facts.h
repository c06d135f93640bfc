#ifndef ESPALIER_SUPERVISOR_INSTANCE_HOST_FACTS_H_
#define ESPALIER_SUPERVISOR_INSTANCE_HOST_FACTS_H_

#include <sys/types.h>

#include <string>

namespace espalier {

// What decides where files go on this machine, gathered in one place so that tests can say something else.
struct HostFacts {
  // Reads them from this process and its environment.
  static HostFacts Current();

  // $TEST_TMPDIR/espalier under `bazel test`; otherwise espalier/<CheckoutKey()> in $XDG_STATE_HOME, ~/.local/state or,
  // for root, /var/lib: what belongs to services that run as another user cannot be below /root.
  std::string StateRoot() const;

  // $XDG_RUNTIME_DIR/espalier if that directory is ours and private, and we are not root; else /tmp/espalier-<uid>.
  std::string RuntimeRoot() const;

  // Eight hexadecimal digits, the same for all programs that were built in one checkout: from Bazel's output base if
  // the program lies in one, else from the workspace it was started by, else from the program's directory.
  std::string CheckoutKey() const;

  // Effective.
  uid_t uid = 0;
  // Real path of the running program.
  std::string executable;
  std::string home;
  std::string xdg_state_home;
  std::string xdg_runtime_dir;
  std::string test_tmpdir;
  std::string build_workspace_directory;
  std::string tmp = "/tmp";
};

// Eight hexadecimal digits of `text`, the same in every process and version.
std::string ShortHash(const std::string& text);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_INSTANCE_HOST_FACTS_H_
