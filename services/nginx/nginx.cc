#include "services/nginx/nginx.h"

#include <csignal>
#include <utility>

#include "absl/status/status.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/wiring/command.h"

namespace espalier {
namespace {

// Answered by nginx itself, whatever is behind it.
constexpr char kHealthPath[] = "/nginx-health";

// An nginx that takes the place of another one finds in this variable the
// descriptors of the sockets that it inherits, each with a ';' after it.
constexpr char kInheritedSockets[] = "NGINX";

// All that it writes goes to its own directories and its log.
Text Paths(const Service& nginx) {
  Text text("pid ", nginx.runtime() / "pid", ";\nerror_log stderr;\n");
  return text;
}

Text TemporaryPaths(const Service& nginx) {
  Text text;
  for (const char* kind :
       {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    text.Append(Text("  ", kind, "_temp_path ", nginx.runtime() / kind, ";\n"));
  }
  return text;
}

// A replica that restarts keeps its listening socket, so none is ever put aside
// for having failed.
Text Upstream(const HttpReplicas& replicas) {
  Text text("  upstream replicas {\n");
  for (const HttpUrl& url : replicas.urls()) {
    text.Append(
        Text("    server ", url.host(), ":", url.port(), " max_fails=0;\n"));
  }
  text.Append("    keepalive 16;\n  }\n");
  return text;
}

Text StaticFiles(const NginxOptions& options) {
  if (!options.static_files) return "";
  return Text("    location /static/ {\n      alias ", *options.static_files,
              "/;\n    }\n");
}

Text MoreSettings(const NginxOptions& options) {
  Text text = options.settings;
  if (!options.settings.empty()) text.Append("\n");
  if (!options.settings_file.empty())
    text.Append(Text("    include ", options.settings_file, ";\n"));
  return text;
}

Text Settings(const Service& nginx, const HttpUrl& url,
              const HttpReplicas& replicas, const NginxOptions& options) {
  return Text("worker_processes ", options.workers, ";\n", Paths(nginx),
              "events {\n  worker_connections 1024;\n}\n"
              "http {\n"
              "  include /etc/nginx/mime.types;\n"
              "  access_log off;\n",
              TemporaryPaths(nginx), Upstream(replicas),
              "  server {\n    listen ", url.host(), ":", url.port(),
              ";\n"
              "    location = ",
              kHealthPath,
              " {\n      return 200;\n    }\n"
              "    location / {\n"
              "      proxy_pass http://replicas;\n"
              "      proxy_http_version 1.1;\n"
              "      proxy_set_header Connection \"\";\n"
              "      proxy_set_header Host $http_host;\n"
              "      proxy_set_header X-Forwarded-For "
              "$proxy_add_x_forwarded_for;\n"
              "      proxy_redirect off;\n"
              "    }\n",
              StaticFiles(options), MoreSettings(options), "  }\n}\n");
}

}  // namespace

Task<Nginx> StartNginx(Nursery& nursery, HttpReplicas replicas,
                       NginxOptions options) {
  if (replicas.urls().empty())
    co_await absl::InvalidArgumentError(
        "nginx needs at least one server to stand in front of");
  Service nginx = nursery.NewService(options.name);
  const HttpUrl url = nginx.Listen<HttpUrl>();
  const Path settings = nginx.data() / "nginx.conf";
  const Program program = Program::System("nginx", "nginx");
  const std::vector<Text> arguments = {"-e",         "stderr", "-p",
                                       nginx.data(), "-c",     settings};
  std::vector<Text> serve = arguments, test = arguments;
  serve.insert(serve.end(), {"-g", "daemon off;"});
  test.insert(test.end(), {"-t", "-q"});
  co_return co_await nginx.Start(
      {.program = program,
       .arguments = serve,
       .environment = {{kInheritedSockets, "3;"}},
       .files = {{.path = settings,
                  .contents = Settings(nginx, url, replicas, options)}},
       .readiness = Readiness::HttpOk(url, kHealthPath),
       // Requests under way are answered.
       .stop = {.signal = SIGQUIT},
       .reload = ReloadRule{.check = ProbeCommand{.program = program,
                                                  .arguments = test}}},
      Nginx{.url = url});
}

}  // namespace espalier
