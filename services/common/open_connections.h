#ifndef ESPALIER_SERVICES_COMMON_OPEN_CONNECTIONS_H_
#define ESPALIER_SERVICES_COMMON_OPEN_CONNECTIONS_H_

namespace espalier {

// How many connections this process has open on its local TCP port `port`, as
// the kernel counts them: evhttp does not say. Listening sockets do not count.
// 0 when it cannot be told, as for a Unix socket's port 0.
int CountOpenConnections(int port);

}  // namespace espalier

#endif  // ESPALIER_SERVICES_COMMON_OPEN_CONNECTIONS_H_
