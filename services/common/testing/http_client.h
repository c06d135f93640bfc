#ifndef ESPALIER_SERVICES_COMMON_TESTING_HTTP_CLIENT_H_
#define ESPALIER_SERVICES_COMMON_TESTING_HTTP_CLIENT_H_

#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace espalier {

struct HttpAnswer {
  int status = 0;  // 0: the connection ended without an answer.
  std::map<std::string, std::string> headers;  // Names in lower case.
  std::string body;
};

// One connection to 127.0.0.1, for tests: blocking, and free to send what no
// proper client would. What it waits for, it waits for without a limit of its
// own; the test's timeout is the limit.
class HttpConnection {
 public:
  explicit HttpConnection(int port);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  ~HttpConnection();

  // Sends these bytes.
  void Send(absl::string_view bytes);

  // Waits for the next answer.
  HttpAnswer Receive(bool to_head = false);

  // Sends a request, with a body unless that is empty, and waits for the
  // answer.
  HttpAnswer Request(absl::string_view method, absl::string_view path,
                     absl::string_view body = "");

  // Waits until the server closes the connection; false when it sends something
  // instead.
  bool WaitForEnd();

 private:
  bool Fill();

  int fd_;
  std::string received_;
};

// One request on a connection of its own.
HttpAnswer HttpCall(int port, absl::string_view method, absl::string_view path,
                    absl::string_view body = "");

}  // namespace espalier

#endif  // ESPALIER_SERVICES_COMMON_TESTING_HTTP_CLIENT_H_
