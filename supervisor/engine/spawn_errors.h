// Which errors of a spawn are worth another try.
#ifndef SUPERVISOR_ENGINE_SPAWN_ERRORS_H_
#define SUPERVISOR_ENGINE_SPAWN_ERRORS_H_

#include <cerrno>

namespace espalier {

// Whether the errno says that the machine is short of something for the moment,
// so that the same spawn may succeed later. All others are permanent, unless
// SpawnFailed says otherwise.
constexpr bool IsPassingSpawnError(int error) {
  switch (error) {
    case EAGAIN:
    case EINTR:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ETXTBSY:  // The program is being written at this moment.
      return true;
    default:
      return false;
  }
}

}  // namespace espalier

#endif  // SUPERVISOR_ENGINE_SPAWN_ERRORS_H_
