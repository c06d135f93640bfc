#include "greeter/greeter.h"

#include "supervisor/nursery/nursery.h"
#include "supervisor/wiring/command.h"

namespace hello {

using espalier::HttpUrl;
using espalier::Program;
using espalier::Readiness;
using espalier::Text;

espalier::Task<Greeter> StartGreeter(espalier::Nursery& nursery,
                                     GreeterOptions options) {
  espalier::Service greeter = nursery.NewService(options.name);
  const HttpUrl url = greeter.Listen<HttpUrl>();
  co_return co_await greeter.Start(
      {.program = Program::Built("greeter/greeter_server"),
       .arguments = {Text("--greeting=", options.greeting)},
       .readiness = Readiness::HttpOk(url)},
      Greeter{.url = url});
}

}  // namespace hello
