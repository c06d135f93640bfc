#ifndef ESPALIER_TESTS_BENCH_PEERS_H_
#define ESPALIER_TESTS_BENCH_PEERS_H_

#include <string>
#include <vector>

#include "tests/bench/supervised.h"

namespace espalier {

// Another supervisor, in its fastest configuration that its documentation
// allows. Its adapter writes what it reads into the setup's directory.
struct Peer {
  std::string name;
  // What must be installed, and the package of Debian that has it.
  std::string program;
  std::string package;
  BenchAdapter adapter;
};

// Those that this knows, installed or not.
std::vector<Peer> Peers();

// Where the peer's program is; empty if it is not installed.
std::string FindPeer(const Peer& peer);

}  // namespace espalier

#endif  // ESPALIER_TESTS_BENCH_PEERS_H_
