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

// What tells clients who the server is.
struct Certificate {
  Path certificate;
  Path key;
};

Text TlsSettings(const Certificate& certificate) {
  return Text("    ssl_certificate ", certificate.certificate,
              ";\n    ssl_certificate_key ", certificate.key, ";\n");
}

Text Settings(const Service& nginx, const Endpoint& url,
              const HttpReplicas& replicas, const NginxOptions& options,
              const std::optional<Certificate>& tls) {
  return Text("worker_processes ", options.workers, ";\n", Paths(nginx),
              "events {\n  worker_connections 1024;\n}\n"
              "http {\n"
              "  include /etc/nginx/mime.types;\n"
              "  access_log off;\n",
              TemporaryPaths(nginx), Upstream(replicas),
              "  server {\n    listen ", url.host(), ":", url.port(),
              tls ? " ssl;\n" : ";\n", tls ? TlsSettings(*tls) : Text(),
              "    location = ", kHealthPath,
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

Readiness ReadyAt(const HttpUrl& url) {
  return Readiness::HttpOk(url, kHealthPath);
}
Readiness ReadyAt(const HttpsUrl& url) { return Readiness::TlsHandshake(url); }

template <typename Url>
Command Serve(const Service& nginx, const Url& url,
              const HttpReplicas& replicas, const NginxOptions& options,
              const std::optional<Certificate>& tls) {
  const Path settings = nginx.data() / "nginx.conf";
  const Program program = Program::System("nginx", "nginx");
  const std::vector<Text> arguments = {"-e",         "stderr", "-p",
                                       nginx.data(), "-c",     settings};
  std::vector<Text> serve = arguments, test = arguments;
  serve.insert(serve.end(), {"-g", "daemon off;"});
  test.insert(test.end(), {"-t", "-q"});
  return {.program = program,
          .arguments = serve,
          .environment = {{kInheritedSockets, "3;"}},
          .files = {{.path = settings,
                     .contents = Settings(nginx, url, replicas, options, tls)}},
          .readiness = ReadyAt(url),
          // Requests under way are answered.
          .stop = {.signal = SIGQUIT},
          .reload = ReloadRule{.check = ProbeCommand{.program = program,
                                                     .arguments = test}},
          .process = {.nonblocking_listeners = true}};
}

absl::Status CheckReplicas(const HttpReplicas& replicas) {
  if (!replicas.urls().empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "nginx needs at least one server to stand in front of");
}

// The key is written first: where the certificate is, both are.
Task<Certificate> MakeCertificate(Nursery& nursery, const std::string& name) {
  constexpr char kDays[] = "3650";
  Service maker = nursery.NewService(name + "-certificate");
  const Certificate made = {.certificate = maker.data() / "certificate.pem",
                            .key = maker.data() / "key.pem"};
  co_await maker.Start(
      {.program = Program::System("openssl", "openssl"),
       .arguments = {"req", "-x509", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-days", kDays,
                     "-subj", "/CN=localhost", "-addext",
                     "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                     made.key, "-out", made.certificate},
       .creates = made.certificate,
       .readiness = Readiness::Completed(),
       .process = {.umask = 0077}});
  co_return made;
}

}  // namespace

Task<Nginx> StartNginx(Nursery& nursery, HttpReplicas replicas,
                       NginxOptions options) {
  co_await CheckReplicas(replicas);
  Service nginx = nursery.NewService(options.name);
  const HttpUrl url = nginx.Listen<HttpUrl>();
  co_return co_await nginx.Start(
      Serve(nginx, url, replicas, options, std::nullopt), Nginx{.url = url});
}

Task<NginxTls> StartNginxTls(Nursery& nursery, HttpReplicas replicas,
                             NginxOptions options) {
  co_await CheckReplicas(replicas);
  const Certificate tls = co_await MakeCertificate(nursery, options.name);
  Service nginx = nursery.NewService(options.name);
  const HttpsUrl url = nginx.Listen<HttpsUrl>();
  co_return co_await nginx.Start(
      Serve(nginx, url, replicas, options, tls),
      NginxTls{.url = url, .certificate = tls.certificate});
}

}  // namespace espalier
