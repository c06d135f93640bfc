#ifndef HELLO_GREETER_GREETER_H_
#define HELLO_GREETER_GREETER_H_

#include <string>

#include "supervisor/task/task.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/handle.h"

namespace espalier {
class Nursery;
}

namespace hello {

// A page with a greeting.
struct Greeter {
  espalier::HttpUrl url;

  ESPALIER_HANDLE(Greeter, url);
};

struct GreeterOptions {
  std::string name = "greeter";
  std::string greeting = "Hello!";
};

espalier::Task<Greeter> StartGreeter(espalier::Nursery& nursery,
                                     GreeterOptions options = {});

}  // namespace hello

#endif  // HELLO_GREETER_GREETER_H_
