#ifndef ESPALIER_SERVICES_POSTGRES_POSTGRES_H_
#define ESPALIER_SERVICES_POSTGRES_POSTGRES_H_

#include "supervisor/wiring/endpoint.h"

namespace espalier {

// A PostgreSQL database that its holder may read and write.
struct Postgres {
  PostgresUrl url;

  friend bool operator==(const Postgres&, const Postgres&) = default;
};

}  // namespace espalier

#endif  // ESPALIER_SERVICES_POSTGRES_POSTGRES_H_
