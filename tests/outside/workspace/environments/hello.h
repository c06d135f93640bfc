#ifndef HELLO_ENVIRONMENTS_HELLO_H_
#define HELLO_ENVIRONMENTS_HELLO_H_

#include <string>

#include "greeter/greeter.h"
#include "supervisor/task/task.h"

namespace hello {

struct HelloOptions {
  std::string greeting = "Hello!";
};

// A greeter, and nothing else.
espalier::Task<Greeter> Hello(espalier::Nursery& nursery,
                              const HelloOptions& options);

}  // namespace hello

#endif  // HELLO_ENVIRONMENTS_HELLO_H_
