#ifndef ESPALIER_SUPERVISOR_NURSERY_ADDRESS_KIND_H_
#define ESPALIER_SUPERVISOR_NURSERY_ADDRESS_KIND_H_

namespace espalier {

// How an endpoint comes by its address; see the methods of Backend.
enum class AddressKind { kListen, kListenUnix, kReserve, kSocketPath };

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_NURSERY_ADDRESS_KIND_H_
