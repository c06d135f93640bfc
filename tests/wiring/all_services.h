#ifndef ESPALIER_TESTS_WIRING_ALL_SERVICES_H_
#define ESPALIER_TESTS_WIRING_ALL_SERVICES_H_

// What an environment includes.
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "services/gateway/gateway.h"
#include "services/links/links.h"
#include "services/nginx/nginx.h"
#include "services/postgres/external.h"
#include "services/postgres/postgres.h"
#include "services/postgres/replica.h"
#include "services/redis/redis.h"
#include "services/report/report.h"
#include "services/sqlite/sqlite.h"
#include "supervisor/nursery/external.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/task/all.h"
#include "supervisor/task/task.h"
#include "supervisor/wiring/command.h"

#endif  // ESPALIER_TESTS_WIRING_ALL_SERVICES_H_
