#ifndef ESPALIER_SUPERVISOR_NURSERY_ADDRESS_BOOK_H_
#define ESPALIER_SUPERVISOR_NURSERY_ADDRESS_BOOK_H_

#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/nursery/address_kind.h"
#include "supervisor/wiring/endpoint.h"

namespace espalier {

// The addresses that the backend has made, by service and endpoint: a service
// that is declared again has those of the first time, so that handles stay
// true. The loop's thread only.
class AddressBook {
 public:
  // `backend` must outlive the book.
  explicit AddressBook(Backend& backend) : backend_(backend) {}

  // The address of the endpoint `name` of the service at `path`, made by the
  // backend when it is asked for first. `file` is for a socket's path only.
  // Fails as the backend does, and with InvalidArgument if the endpoint was of
  // another kind before.
  absl::StatusOr<EndpointAddress> Get(AddressKind kind, absl::string_view path,
                                      absl::string_view name,
                                      absl::string_view file);

 private:
  struct Entry {
    AddressKind kind;
    std::string file;
    EndpointAddress address;
  };

  absl::StatusOr<EndpointAddress> Make(AddressKind kind, absl::string_view path,
                                       absl::string_view name,
                                       absl::string_view file);

  Backend& backend_;
  std::map<std::pair<std::string, std::string>, Entry> entries_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_NURSERY_ADDRESS_BOOK_H_
