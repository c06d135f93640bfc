"""What makes each mistake one: for every guard, the edits of public headers that take it away.

`tools/bazel run //tests/wiring:guards` makes them one guard at a time, in copies, and shows that then exactly the misuses
which name the guard compile. An edit is a text, which must occur once in its file, and what takes its place. No bodies
are needed: nothing is linked.
"""

_ENDPOINT = "supervisor/wiring/endpoint.h"
_HANDLE = "supervisor/wiring/handle.h"
_TEXT = "supervisor/wiring/text.h"
_COMMAND = "supervisor/wiring/command.h"
_NURSERY = "supervisor/nursery/nursery.h"
_TASK = "supervisor/task/task.h"
_LINKS = "services/links/links.h"
_GATEWAY = "services/gateway/gateway.h"

def _replace(file, old, new):
    return struct(file = file, old = old, new = new)

def _after(file, old, new):
    return _replace(file, old, old + new)

def _in_endpoint(member):
    return _after(_ENDPOINT, "class Endpoint {\n public:", "\n  " + member)

def _in_http_url(member):
    return _after(_ENDPOINT, "class HttpUrl final : public Endpoint {", "\n public:\n  " + member + "\n private:")

def _in_handle(member):
    return _after(_HANDLE, "#define ESPALIER_HANDLE(Type, ...)", " \\\n  " + member)

def _in_text(class_name, member):
    return _after(_TEXT, "class %s {\n public:" % class_name, "\n  " + member)

def _in_task(member):
    return _after(_TASK, "  using value_type = T;", "\n  " + member)

_OTHER_HANDLE = "template <typename Other> requires(!std::same_as<Other, Type> && " + \
                "requires(const Other& other) { other.ToHandleData(); }) "

GUARDS = {
    "a_bool_is_no_text": [_replace(_TEXT, "  Text(bool) = delete;", "")],
    "a_handle_is_no_status": [
        _after(_HANDLE, "#include \"absl/strings/string_view.h\"", "\n#include \"absl/status/status.h\""),
        _in_handle("operator absl::Status() const;"),
    ],
    "a_handle_is_no_text": [_replace(_TEXT, "Text(const T& handle) = delete;", "Text(const T& handle);")],
    "a_secret_is_no_string": [_replace(
        _TEXT,
        "  // As that of Endpoint.\n  operator std::string() const = delete;",
        "  operator std::string() const;",
    )],
    "a_start_takes_its_nursery": [_after(
        _GATEWAY,
        "class Nursery;",
        "\nstruct Gateway; Task<Gateway> StartGateway(Links<Http2Url>, std::optional<Redis>);",
    )],
    "a_task_has_no_fields": [_in_task("int url;")],
    "a_task_is_no_handle": [_in_task("operator T() const;")],
    "a_task_is_nodiscard": [_replace(
        _TASK,
        "[[nodiscard(\"a task does nothing until it is awaited: co_await it\")]] Task {",
        "Task {",
    )],
    "an_endpoint_is_no_string": [_replace(
        _ENDPOINT,
        "operator std::string() const = delete;",
        "operator std::string() const;",
    )],
    "an_endpoint_is_not_glued": [_in_endpoint("friend std::string operator+(const char*, const Endpoint&);")],
    "arguments_are_a_list": [_replace(
        _COMMAND,
        "struct Command {\n  Program program;\n  std::vector<Text> arguments = {};",
        "struct Arguments : std::vector<Text> {\n  using vector::vector;\n  Arguments(const char*);\n};\n" +
        "struct Command {\n  Program program;\n  Arguments arguments = {};",
    )],
    "cache_has_no_default": [_replace(
        _GATEWAY,
        "std::optional<Redis> cache,",
        "std::optional<Redis> cache = std::nullopt,",
    )],
    "durations_have_units": [
        _replace("supervisor/engine/rules.h", "struct StopRule {", "struct Number : absl::Duration {\n" +
                                                                   "  Number(absl::Duration);\n  Number(int);\n" +
                                                                   "  bool operator==(const Number&) const;\n};\n" +
                                                                   "struct StopRule {"),
        _replace(
            "supervisor/engine/rules.h",
            "absl::Duration grace = absl::Seconds(10);",
            "Number grace = absl::Seconds(10);",
        ),
    ],
    "endpoints_compare_within_a_kind": [_replace(
        _ENDPOINT,
        "template <std::derived_from<Endpoint> E>\nbool operator==(const E& a, const E& b) {",
        "template <std::derived_from<Endpoint> E, std::derived_from<Endpoint> F>\n" +
        "bool operator==(const E& a, const F& b) {",
    )],
    "endpoints_do_not_convert": [_in_endpoint("template <std::derived_from<Endpoint> E> operator E() const;")],
    "external_is_asked_in_its_protocol": [_replace(
        "supervisor/nursery/external.h",
        "static_assert(kCanBeExternal<T>,",
        "static_assert(true,",
    )],
    "handles_compare_within_a_kind": [_in_handle(_OTHER_HANDLE + "friend bool operator==(const Type&, const Other&) { return true; }")],
    "handles_do_not_convert": [_in_handle(_OTHER_HANDLE + "operator Other() const;")],
    "links_are_required": [_replace(
        _GATEWAY,
        "Task<Gateway> StartGateway(Nursery& nursery, Links<Http2Url> links,",
        "Task<Gateway> StartGateway(Nursery& nursery, std::optional<Links<Http2Url>> links,",
    )],
    "nginx_asks_without_tls": [_after("services/nginx/nginx.h", "class HttpReplicas {\n public:", "\n  HttpReplicas(HttpsUrl);")],
    "nginx_speaks_http1": [_after("services/nginx/nginx.h", "class HttpReplicas {\n public:", "\n  HttpReplicas(Http2Url);")],
    "no_default_endpoint": [
        _in_http_url("HttpUrl();"),
        _replace(_HANDLE, "static_assert(!std::is_default_constructible_v<Type>,", "static_assert(true,"),
    ],
    "no_endpoint_from_a_string": [_in_http_url("HttpUrl(const char*);")],
    "no_handshake_without_tls": [_after(
        _COMMAND,
        "class Readiness {\n public:",
        "\n  static Readiness TlsHandshake(const HttpUrl&);",
    )],
    "no_path_from_a_string": [_in_text("Path", "Path(const char*);")],
    "no_program_from_a_string": [_after(_COMMAND, "class Program {\n public:", "\n  Program(const char*);")],
    "no_secret_from_a_string": [_in_text("Secret", "Secret(const char*);")],
    "nurseries_do_not_copy": [_replace(_NURSERY, "Nursery(const Nursery&) = delete;", "Nursery(const Nursery&);")],
    "only_endpoints_listen": [_after(
        _NURSERY,
        "  Service(Service&&) = default;",
        "\n  template <typename E> requires(!std::derived_from<E, Endpoint>) E Listen();",
    )],
    "options_are_known": [_after("services/redis/redis.h", "int max_memory_mib = 64;", "\n  int max_memory_mb = 64;")],
    "protocols_of_links": [
        _replace(_LINKS, "static_assert(kIsOneOf<Url, HttpUrl, Http2Url>,", "static_assert(true,"),
        _replace(_LINKS, "  requires kIsOneOf<Url, HttpUrl, Http2Url>\n", ""),
    ],
    "store_has_no_default": [_replace(
        _LINKS,
        "std::optional<LinksStore> store,",
        "std::optional<LinksStore> store = std::nullopt,",
    )],
    "stores_of_links": [
        _after(
            _LINKS,
            "#include \"services/postgres/postgres.h\"",
            "\n#include \"services/postgres/replica.h\"\n#include \"services/redis/redis.h\"",
        ),
        _replace(
            _LINKS,
            "std::variant<Postgres, Sqlite>;",
            "std::variant<Postgres, Sqlite, Redis, PostgresReadOnly, PostgresReplica>;",
        ),
    ],
    "tasks_do_not_copy": [_in_task("Task(const Task&);")],
    "try_gives_status_or": [_replace(
        _TASK,
        "return task_.promise().TakeResult();",
        "return *task_.promise().TakeResult();",
    )],
}
