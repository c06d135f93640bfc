// The engine's names for services, groups and runs.
#ifndef SUPERVISOR_ENGINE_IDS_H_
#define SUPERVISOR_ENGINE_IDS_H_

#include <cstddef>
#include <cstdint>

namespace espalier {

// A service, numbered from 0 in the order in which services were added. A
// service can only need services that were added before it, so an id is always
// greater than the ids of everything it needs.
enum class ServiceId : uint32_t {};

// A group of services (a nursery), numbered from 0 in the order in which groups
// were added.
enum class GroupId : uint32_t {};

// The group that every other group and service belongs to, directly or not. It
// exists from the start.
inline constexpr GroupId kRootGroup{0};

// One run of a service's process, counted from 1; 0 means that it has never
// been started.
using Generation = uint64_t;

// The id as an index into a vector.
constexpr size_t Index(ServiceId id) { return static_cast<size_t>(id); }
constexpr size_t Index(GroupId id) { return static_cast<size_t>(id); }

}  // namespace espalier

#endif  // SUPERVISOR_ENGINE_IDS_H_
