#ifndef ESPALIER_SUPERVISOR_READINESS_TLS_HELLO_H_
#define ESPALIER_SUPERVISOR_READINESS_TLS_HELLO_H_

#include <string>

#include "absl/strings/string_view.h"

namespace espalier {

// The first message of a TLS client (RFC 8446, 4.1.2), as a record: offers TLS
// 1.2 and 1.3. To 1.3 it gives no key share, so that the server asks for one
// (4.1.4): the conversation ends there, and no secret is needed. So it is seen
// that a server speaks TLS without a TLS library. Any thread.
std::string TlsClientHello();

// How the answer of a server begins that speaks TLS and goes on: a record with
// a handshake message. An alert begins with "\x15".
inline constexpr absl::string_view kTlsServerHelloBegins("\x16\x03", 2);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_READINESS_TLS_HELLO_H_
