// The keeper's program, as bytes.
#ifndef ESPALIER_SUPERVISOR_KEEPER_EMBEDDED_KEEPER_H_
#define ESPALIER_SUPERVISOR_KEEPER_EMBEDDED_KEEPER_H_

#include <string_view>

extern "C" {
extern const char espalier_keeper_begin[];
extern const char espalier_keeper_end[];
}

namespace espalier {

// A whole executable file. Valid for the life of the process.
inline std::string_view EmbeddedKeeper() {
  return {espalier_keeper_begin,
          static_cast<size_t>(espalier_keeper_end - espalier_keeper_begin)};
}

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_KEEPER_EMBEDDED_KEEPER_H_
