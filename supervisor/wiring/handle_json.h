#ifndef ESPALIER_SUPERVISOR_WIRING_HANDLE_JSON_H_
#define ESPALIER_SUPERVISOR_WIRING_HANDLE_JSON_H_

#include "nlohmann/json.hpp"
#include "supervisor/wiring/handle.h"

namespace espalier {

// {"type": "Links<Http2Url>", "url": "http://127.0.0.1:4000"}: a member of a
// handle is a string, a number, a boolean, null, a list or an object in turn.
nlohmann::ordered_json HandleJson(const HandleData& data);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_WIRING_HANDLE_JSON_H_
