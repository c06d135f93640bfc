// What a service says of itself by sd_notify(3): lines of NAME=VALUE in one
// datagram.
#ifndef SUPERVISOR_KEEPER_PROGRAM_NOTIFY_MESSAGE_H_
#define SUPERVISOR_KEEPER_PROGRAM_NOTIFY_MESSAGE_H_

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace espalier::keeper {

// A longer message is refused as a whole.
inline constexpr size_t kMaxNotifyBytes = 4096;
inline constexpr size_t kMaxStatusBytes = 256;

struct NotifyMessage {
  bool ready = false;
  bool stopping = false;
  bool watchdog = false;          // WATCHDOG=1
  bool watchdog_trigger = false;  // WATCHDOG=trigger
  // Without control characters, cut to kMaxStatusBytes.
  std::optional<std::string> status;
  std::optional<pid_t> main_pid;

  bool operator==(const NotifyMessage&) const = default;
};

// Nothing if it is not such a message: too long, a NUL byte in it, a line
// without '=', a MAINPID that is no number above 0. Lines with other names, or
// other values of these, are ignored, as the protocol wants it.
std::optional<NotifyMessage> ParseNotify(std::string_view bytes);

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_NOTIFY_MESSAGE_H_
