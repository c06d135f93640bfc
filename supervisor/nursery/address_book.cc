#include "supervisor/nursery/address_book.h"

#include "absl/strings/str_cat.h"

namespace espalier {

absl::StatusOr<EndpointAddress> AddressBook::Get(AddressKind kind,
                                                 absl::string_view path,
                                                 absl::string_view name,
                                                 absl::string_view file) {
  const auto key = std::make_pair(std::string(path), std::string(name));
  if (const auto found = entries_.find(key); found != entries_.end()) {
    const Entry& entry = found->second;
    if (entry.kind == kind && entry.file == file) return entry.address;
    return absl::InvalidArgumentError(absl::StrCat(
        "the endpoint '", name, "' of '", path,
        "' is declared again in another way, so handles that were given out "
        "would not be true any more"));
  }
  absl::StatusOr<EndpointAddress> address = Make(kind, path, name, file);
  if (address.ok()) {
    entries_.emplace(key, Entry{kind, std::string(file), *address});
  }
  return address;
}

absl::StatusOr<EndpointAddress> AddressBook::Make(AddressKind kind,
                                                  absl::string_view path,
                                                  absl::string_view name,
                                                  absl::string_view file) {
  switch (kind) {
    case AddressKind::kListen:
      return backend_.Listen(path, name);
    case AddressKind::kListenUnix:
      return backend_.ListenUnix(path, name);
    case AddressKind::kReserve:
      return backend_.Reserve(path, name);
    case AddressKind::kSocketPath:
      return backend_.SocketPath(path, name, file);
  }
  return absl::InternalError("no such kind of endpoint");
}

}  // namespace espalier
