#include "environments/hello.h"

#include "supervisor/nursery/nursery.h"

namespace hello {

espalier::Task<Greeter> Hello(espalier::Nursery& nursery,
                              const HelloOptions& options) {
  co_return co_await StartGreeter(nursery, {.greeting = options.greeting});
}

}  // namespace hello
