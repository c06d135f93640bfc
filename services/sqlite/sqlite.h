#ifndef ESPALIER_SERVICES_SQLITE_SQLITE_H_
#define ESPALIER_SERVICES_SQLITE_SQLITE_H_

#include "supervisor/wiring/handle.h"
#include "supervisor/wiring/text.h"

namespace espalier {

// An SQLite database: a file that its users open themselves, without a server.
// It is made by the first of them; the directory must be there, as those of
// Service::data() and Nursery::SharedData() are.
struct Sqlite {
  Path file;

  ESPALIER_HANDLE(Sqlite, file);
};

}  // namespace espalier

#endif  // ESPALIER_SERVICES_SQLITE_SQLITE_H_
