"""The mistakes: what each looks like, and which guard (guards.bzl) makes it one."""

_HTTP2_LINKS = "Links<Http2Url> links = co_await StartLinks<Http2Url>(nursery, std::nullopt);"

_HTTP1_LINKS = "Links<HttpUrl> links = co_await StartLinks<HttpUrl>(nursery, std::nullopt);"

_GRPC_LINKS = "Links<Http2Url> grpc = co_await StartLinks<Http2Url>(nursery, std::nullopt);"

_JSON_LINKS = "Links<HttpUrl> json = co_await StartLinks<HttpUrl>(nursery, std::nullopt);"

_GATEWAY = "Gateway gateway = co_await StartGateway(nursery, links, std::nullopt);"

_POSTGRES = "Postgres postgres = co_await StartPostgres(nursery);"

_REDIS = "Redis redis = co_await StartRedis(nursery);"

_BOTH_FRONTS = [
    _JSON_LINKS,
    "Nginx plain = co_await StartNginx(nursery, json.url);",
    "NginxTls tls = co_await StartNginxTls(nursery, json.url, {.name = \"b\"});",
]

_SERVICE = "Service service = nursery.NewService(\"service\");"

MISUSES = [
    # Protocol
    struct(
        name = "gateway_wants_http2",
        guard = "handles_do_not_convert",
        messages = ["no matching function for call to 'StartGateway'", "Links<(espalier::)?HttpUrl>", "Links<(espalier::)?Http2Url>"],
        setup = [_HTTP1_LINKS, _GRPC_LINKS],
        right = "co_await StartGateway(nursery, grpc, std::nullopt);",
        wrong = "co_await StartGateway(nursery, links, std::nullopt);",
    ),
    struct(
        name = "report_wants_http1",
        guard = "handles_do_not_convert",
        messages = ["no matching function for call to 'StartReport'", "Links<(espalier::)?HttpUrl>", "Links<(espalier::)?Http2Url>"],
        setup = [_HTTP2_LINKS, _JSON_LINKS],
        right = "co_await StartReport(nursery, json);",
        wrong = "co_await StartReport(nursery, links);",
    ),
    struct(
        name = "nginx_in_front_of_http2",
        guard = "nginx_speaks_http1",
        messages = ["StartNginx", "Http2Url"],
        setup = [_HTTP2_LINKS, _GATEWAY, _JSON_LINKS],
        right = "co_await StartNginx(nursery, json.url);",
        wrong = "co_await StartNginx(nursery, links.url);",
    ),
    struct(
        name = "grpc_health_over_http1",
        guard = "endpoints_do_not_convert",
        messages = ["HttpUrl", "Http2Url"],
        setup = [_HTTP1_LINKS, _GRPC_LINKS],
        right = "(void)Readiness::GrpcHealth(grpc.url);",
        wrong = "(void)Readiness::GrpcHealth(links.url);",
    ),
    struct(
        name = "http_readiness_of_grpc",
        guard = "endpoints_do_not_convert",
        messages = ["Http2Url", "HttpUrl"],
        setup = [_HTTP1_LINKS, _GRPC_LINKS],
        right = "(void)Readiness::HttpOk(links.url);",
        wrong = "(void)Readiness::HttpOk(grpc.url);",
    ),
    # Protocol a service does not speak
    struct(
        name = "unknown_protocol",
        guard = "protocols_of_links",
        messages = ["StartLinks", "RedisUrl"],
        right = "co_await StartLinks<HttpUrl>(nursery, std::nullopt);",
        wrong = "co_await StartLinks<RedisUrl>(nursery, std::nullopt);",
    ),
    struct(
        name = "handle_of_unknown_protocol",
        guard = "protocols_of_links",
        messages = ["Links", "TcpAddress"],
        setup = [_HTTP1_LINKS],
        right = "Links<HttpUrl>* other = &links; (void)other;",
        wrong = "Links<TcpAddress>* other = nullptr; (void)other;",
    ),
    # Wrong service
    struct(
        name = "cache_where_store_is_needed",
        guard = "stores_of_links",
        messages = ["StartLinks", "Redis", "Postgres"],
        setup = [_REDIS, _POSTGRES],
        # One of the alternatives: LinksStore.
        right = "co_await StartLinks<HttpUrl>(nursery, postgres);",
        wrong = "co_await StartLinks<HttpUrl>(nursery, redis);",
    ),
    struct(
        name = "store_where_cache_is_needed",
        guard = "handles_do_not_convert",
        messages = ["StartGateway", "Postgres", "Redis"],
        setup = [_POSTGRES, _REDIS, _HTTP2_LINKS],
        right = "co_await StartGateway(nursery, links, redis);",
        wrong = "co_await StartGateway(nursery, links, postgres);",
    ),
    struct(
        name = "gateway_where_links_are_needed",
        guard = "handles_do_not_convert",
        messages = ["StartGateway", "Gateway", "Links"],
        setup = [_HTTP2_LINKS, _GATEWAY],
        right = "co_await StartGateway(nursery, links, std::nullopt, {.name = \"b\"});",
        wrong = "co_await StartGateway(nursery, gateway, std::nullopt, {.name = \"b\"});",
    ),
    # Like kinds swapped
    struct(
        name = "needs_swapped",
        guard = "handles_do_not_convert",
        messages = ["StartGateway", "Redis", "Links"],
        setup = [_REDIS, _HTTP2_LINKS],
        right = "co_await StartGateway(nursery, links, redis);",
        wrong = "co_await StartGateway(nursery, redis, links);",
    ),
    # Plain for TLS, and the other way round
    struct(
        name = "plain_server_where_tls_is_meant",
        guard = "handles_do_not_convert",
        messages = ["'Nginx'", "'NginxTls'"],
        setup = _BOTH_FRONTS,
        right = "NginxTls front = tls; (void)front;",
        wrong = "NginxTls front = plain; (void)front;",
    ),
    struct(
        name = "tls_server_where_plain_is_meant",
        guard = "nginx_asks_without_tls",
        messages = ["StartNginx", "HttpsUrl", "HttpReplicas"],
        setup = _BOTH_FRONTS,
        right = "co_await StartNginx(nursery, plain.url, {.name = \"c\"});",
        wrong = "co_await StartNginx(nursery, tls.url, {.name = \"c\"});",
    ),
    struct(
        name = "handshake_with_a_plain_server",
        guard = "no_handshake_without_tls",
        messages = ["TlsHandshake", "HttpUrl", "HttpsUrl"],
        setup = _BOTH_FRONTS,
        right = "(void)Readiness::TlsHandshake(tls.url);",
        wrong = "(void)Readiness::TlsHandshake(plain.url);",
    ),
    struct(
        name = "http_readiness_of_tls",
        guard = "endpoints_do_not_convert",
        messages = ["HttpsUrl", "HttpUrl"],
        setup = _BOTH_FRONTS,
        right = "(void)Readiness::HttpOk(plain.url);",
        wrong = "(void)Readiness::HttpOk(tls.url);",
    ),
    struct(
        name = "grpc_with_and_without_tls",
        guard = "endpoints_do_not_convert",
        messages = ["Http2TlsUrl", "Http2Url"],
        right = "Http2Url url = co_await External<Http2Url>(nursery, \"a\", \"http://host:80\"); (void)url;",
        wrong = "Http2Url url = co_await External<Http2TlsUrl>(nursery, \"a\", \"http://host:80\"); (void)url;",
    ),
    # Role
    struct(
        name = "read_only_store_where_writes_are_needed",
        guard = "stores_of_links",
        messages = ["StartLinks", "PostgresReadOnly", "Postgres"],
        setup = [_POSTGRES],
        right = "co_await StartLinks<HttpUrl>(nursery, postgres);",
        wrong = "co_await StartLinks<HttpUrl>(nursery, postgres.read_only);",
    ),
    struct(
        name = "writable_store_is_no_read_only_one",
        guard = "handles_do_not_convert",
        messages = ["Postgres'", "PostgresReadOnly"],
        setup = [_POSTGRES],
        right = "PostgresReadOnly reader = postgres.read_only; (void)reader;",
        wrong = "PostgresReadOnly reader = postgres; (void)reader;",
    ),
    # Need forgotten
    struct(
        name = "need_forgotten",
        guard = "cache_has_no_default",
        messages = ["no matching function for call to 'StartGateway'", "requires at least 3 arguments, but 2 were provided"],
        setup = [_HTTP2_LINKS],
        right = "co_await StartGateway(nursery, links, std::nullopt);",
        wrong = "co_await StartGateway(nursery, links);",
    ),
    struct(
        name = "optional_need_must_be_said",
        guard = "store_has_no_default",
        messages = ["StartLinks"],
        right = "co_await StartLinks<HttpUrl>(nursery, std::nullopt);",
        wrong = "co_await StartLinks<HttpUrl>(nursery);",
    ),
    struct(
        name = "nursery_forgotten",
        guard = "a_start_takes_its_nursery",
        messages = ["StartGateway"],
        setup = [_HTTP2_LINKS],
        right = "co_await StartGateway(nursery, links, std::nullopt);",
        wrong = "co_await StartGateway(links, std::nullopt);",
    ),
    # Absence where a need is required
    struct(
        name = "optional_handle_where_one_is_needed",
        guard = "links_are_required",
        messages = ["StartGateway", "optional<"],
        setup = [_HTTP2_LINKS, "std::optional<Links<Http2Url>> maybe = links;"],
        right = "co_await StartGateway(nursery, *maybe, std::nullopt);",
        wrong = "co_await StartGateway(nursery, maybe, std::nullopt);",
    ),
    struct(
        name = "null_where_a_need_is_required",
        guard = "links_are_required",
        messages = ["StartGateway", "Links"],
        setup = [_HTTP2_LINKS],
        right = "co_await StartGateway(nursery, links, std::nullopt);",
        wrong = "co_await StartGateway(nursery, std::nullopt, std::nullopt);",
    ),
    # Need not yet started
    struct(
        name = "task_where_handle_is_needed",
        guard = "a_task_is_no_handle",
        messages = ["no matching function for call to 'StartGateway'", "Task<(espalier::)?Links<(espalier::)?Http2Url>>"],
        right = "auto links = co_await StartLinks<Http2Url>(nursery, std::nullopt); co_await StartGateway(nursery, links, std::nullopt);",
        wrong = "auto links = StartLinks<Http2Url>(nursery, std::nullopt); co_await StartGateway(nursery, links, std::nullopt);",
    ),
    struct(
        name = "task_of_cache",
        guard = "a_task_is_no_handle",
        messages = ["StartGateway", "Task<"],
        setup = [_HTTP2_LINKS, "auto redis = StartRedis(nursery);", "Redis started = co_await StartRedis(nursery, {.name = \"b\"});"],
        right = "co_await StartGateway(nursery, links, started);",
        wrong = "co_await StartGateway(nursery, links, redis);",
    ),
    struct(
        name = "field_of_a_task",
        guard = "a_task_has_no_fields",
        messages = ["url", "Task<"],
        setup = ["auto links = StartLinks<HttpUrl>(nursery, std::nullopt);", "Links<HttpUrl> started = co_await StartLinks<HttpUrl>(nursery, std::nullopt, {.name = \"b\"});"],
        right = "(void)started.url;",
        wrong = "(void)links.url;",
    ),
    # Result dropped
    struct(
        name = "start_not_awaited",
        guard = "a_task_is_nodiscard",
        messages = ["a task does nothing until it is awaited: co_await it"],
        right = "co_await StartLinks<Http2Url>(nursery, std::nullopt);",
        wrong = "StartLinks<Http2Url>(nursery, std::nullopt);",
    ),
    struct(
        name = "service_start_dropped",
        guard = "a_task_is_nodiscard",
        messages = ["co_await it"],
        setup = [_SERVICE],
        right = "co_await service.Start({.program = Program::System(\"true\", \"coreutils\")});",
        wrong = "service.Start({.program = Program::System(\"true\", \"coreutils\")});",
    ),
    struct(
        name = "all_dropped",
        guard = "a_task_is_nodiscard",
        messages = ["co_await it"],
        right = "co_await All(StartRedis(nursery));",
        wrong = "All(StartRedis(nursery));",
    ),
    # Error taken for a value
    struct(
        name = "task_awaited_is_no_status",
        guard = "a_handle_is_no_status",
        messages = ["Redis", "Status"],
        right = "co_await StartRedis(nursery);",
        wrong = "absl::Status status = co_await StartRedis(nursery); (void)status;",
    ),
    struct(
        name = "try_is_no_handle",
        guard = "try_gives_status_or",
        messages = ["StatusOr<", "Redis"],
        right = "absl::StatusOr<Redis> redis = co_await Try(StartRedis(nursery)); (void)redis;",
        wrong = "Redis redis = co_await Try(StartRedis(nursery)); (void)redis;",
    ),
    # Task used twice
    struct(
        name = "task_copied",
        guard = "tasks_do_not_copy",
        messages = ["Task<"],
        setup = ["Task<Redis> redis = StartRedis(nursery);"],
        right = "Task<Redis> other = std::move(redis); co_await std::move(other);",
        wrong = "Task<Redis> other = redis; co_await std::move(other);",
    ),
    # Default-constructed handle
    struct(
        name = "handle_without_endpoint",
        guard = "no_default_endpoint",
        messages = ["HttpUrl"],
        setup = [_HTTP1_LINKS],
        right = "Links<HttpUrl> other{.url = links.url}; (void)other;",
        wrong = "Links<HttpUrl> other{}; (void)other;",
    ),
    # Default-constructed endpoint
    struct(
        name = "default_endpoint",
        guard = "no_default_endpoint",
        messages = ["HttpUrl"],
        setup = [_HTTP1_LINKS],
        right = "HttpUrl url = links.url; (void)url;",
        wrong = "HttpUrl url; (void)url;",
    ),
    # Endpoint from a string
    struct(
        name = "endpoint_from_a_string",
        guard = "no_endpoint_from_a_string",
        messages = ["const char", "HttpUrl"],
        setup = [_HTTP1_LINKS],
        right = "Links<HttpUrl> other{.url = links.url}; (void)other;",
        wrong = "Links<HttpUrl> other{.url = \"http://localhost:80\"}; (void)other;",
    ),
    struct(
        name = "endpoint_from_text",
        guard = "no_endpoint_from_a_string",
        messages = ["HttpUrl"],
        setup = [_HTTP1_LINKS],
        right = "HttpUrl url = links.url; (void)url;",
        wrong = "HttpUrl url(\"http://localhost:80\"); (void)url;",
    ),
    # Endpoint from another one
    struct(
        name = "endpoint_from_another",
        guard = "endpoints_do_not_convert",
        messages = ["HttpUrl", "Http2Url"],
        setup = [_HTTP1_LINKS, _GRPC_LINKS],
        right = "HttpUrl url = links.url; (void)url;",
        wrong = "HttpUrl url(grpc.url); (void)url;",
    ),
    # Endpoint as a string in wiring
    struct(
        name = "endpoint_is_no_string",
        guard = "an_endpoint_is_no_string",
        messages = ["string", "HttpUrl"],
        setup = [_HTTP1_LINKS],
        right = "Text text = links.url; (void)text;",
        wrong = "std::string text = links.url; (void)text;",
    ),
    struct(
        name = "endpoint_concatenated",
        guard = "an_endpoint_is_not_glued",
        messages = ["HttpUrl|operator\\\\+"],
        setup = [_HTTP1_LINKS],
        right = "Text text(\"--links=\", links.url); (void)text;",
        wrong = "std::string text = \"--links=\" + links.url; (void)text;",
    ),
    # Handle where an endpoint goes
    struct(
        name = "handle_is_no_text",
        guard = "a_handle_is_no_text",
        messages = ["deleted", "Links<|Text"],
        setup = [_HTTP1_LINKS],
        right = "Text text = links.url; (void)text;",
        wrong = "Text text = links; (void)text;",
    ),
    # Unlike endpoints compared
    struct(
        name = "endpoints_of_two_kinds_compared",
        guard = "endpoints_compare_within_a_kind",
        messages = ["HttpUrl", "Http2Url"],
        setup = [_HTTP1_LINKS, _GRPC_LINKS],
        right = "(void)(links.url == links.url);",
        wrong = "(void)(links.url == grpc.url);",
    ),
    struct(
        name = "handles_of_two_kinds_compared",
        guard = "handles_compare_within_a_kind",
        messages = ["Links<"],
        setup = [_HTTP1_LINKS, _GRPC_LINKS],
        right = "(void)(links == links);",
        wrong = "(void)(links == grpc);",
    ),
    # Secret where text goes
    struct(
        name = "secret_as_string",
        guard = "a_secret_is_no_string",
        messages = ["string", "Secret"],
        setup = [_SERVICE, "Secret secret = service.GeneratedSecret(\"s\");"],
        right = "Text text = secret; (void)text;",
        wrong = "std::string text = secret; (void)text;",
    ),
    # Secret from a string
    struct(
        name = "secret_from_a_string",
        guard = "no_secret_from_a_string",
        messages = ["Secret"],
        setup = [_SERVICE],
        right = "Secret secret = service.GeneratedSecret(\"s\"); (void)secret;",
        wrong = "Secret secret = \"hunter2\"; (void)secret;",
    ),
    # Bool where text goes
    struct(
        name = "bool_as_text",
        guard = "a_bool_is_no_text",
        messages = ["Text"],
        right = "Text text = \"true\"; (void)text;",
        wrong = "Text text = true; (void)text;",
    ),
    # Unknown option
    struct(
        name = "option_misspelt",
        guard = "options_are_known",
        messages = ["max_memory_mb"],
        right = "co_await StartRedis(nursery, {.max_memory_mib = 1});",
        wrong = "co_await StartRedis(nursery, {.max_memory_mb = 1});",
    ),
    # Number without a unit
    struct(
        name = "duration_as_number",
        guard = "durations_have_units",
        messages = ["Duration"],
        right = "(void)StopRule{.grace = absl::Seconds(1)};",
        wrong = "(void)StopRule{.grace = 1};",
    ),
    # Host path where an instance's goes
    struct(
        name = "database_of_the_host",
        guard = "no_path_from_a_string",
        messages = ["Path", "const char"],
        right = "co_await StartLinks<HttpUrl>(nursery, Sqlite{.file = nursery.SharedData(\"a.db\")});",
        wrong = "co_await StartLinks<HttpUrl>(nursery, Sqlite{.file = \"/tmp/a.db\"});",
    ),
    struct(
        name = "path_as_string",
        guard = "no_path_from_a_string",
        messages = ["Path"],
        setup = [_SERVICE],
        right = "Path path = service.data() / \"x\"; (void)path;",
        wrong = "Path path = \"/tmp/x\"; (void)path;",
    ),
    # Shell command where a program goes
    struct(
        name = "program_as_string",
        guard = "no_program_from_a_string",
        messages = ["Program"],
        setup = [_SERVICE],
        right = "Program program = Program::System(\"true\", \"coreutils\"); (void)program;",
        wrong = "Program program = \"/bin/true\"; (void)program;",
    ),
    struct(
        name = "shell_line_as_arguments",
        guard = "arguments_are_a_list",
        messages = ["Text"],
        right = "(void)Command{.program = Program::Built(\"a\"), .arguments = {\"a\", \"b\"}};",
        wrong = "(void)Command{.program = Program::Built(\"a\"), .arguments = \"a b\"};",
    ),
    # Nursery kept beyond its scope
    struct(
        name = "nursery_copied",
        guard = "nurseries_do_not_copy",
        messages = ["Nursery"],
        right = "Nursery& other = nursery; (void)other;",
        wrong = "Nursery other = nursery; (void)other;",
    ),
    # Listener that is no endpoint
    struct(
        name = "listen_on_what_is_no_endpoint",
        guard = "only_endpoints_listen",
        messages = ["Listen"],
        setup = [_SERVICE],
        right = "(void)service.Listen<HttpUrl>();",
        wrong = "(void)service.Listen<std::string>();",
    ),
    # Address of a server that somebody else runs
    struct(
        name = "external_of_another_protocol",
        guard = "handles_do_not_convert",
        messages = ["StartReport", "Links<(espalier::)?Http2Url>", "Links<(espalier::)?HttpUrl>"],
        right = "co_await StartReport(nursery, co_await External<Links<HttpUrl>>(nursery, \"links\", \"http://host:80\"));",
        wrong = "co_await StartReport(nursery, co_await External<Links<Http2Url>>(nursery, \"links\", \"http://host:80\"));",
    ),
    struct(
        name = "external_of_what_is_no_endpoint",
        guard = "external_is_asked_in_its_protocol",
        messages = ["External", "string"],
        right = "co_await External<HttpUrl>(nursery, \"api\", \"http://host:80\");",
        wrong = "co_await External<std::string>(nursery, \"api\", \"http://host:80\");",
    ),
    struct(
        name = "external_without_its_secrets",
        guard = "external_is_asked_in_its_protocol",
        messages = ["External", "Postgres"],
        right = "co_await External<Redis>(nursery, \"store\", \"host:80\");",
        wrong = "co_await External<Postgres>(nursery, \"store\", \"host:80\");",
    ),
]
