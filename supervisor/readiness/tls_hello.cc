#include "supervisor/readiness/tls_hello.h"

#include <cstdint>
#include <initializer_list>
#include <random>

#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

// Numbers in messages are big-endian.
std::string Number(uint32_t number, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i)
    text.push_back(static_cast<char>(number >> (8 * i)));
  return text;
}

std::string WithLength(const std::string& contents, int bytes) {
  return absl::StrCat(Number(static_cast<uint32_t>(contents.size()), bytes),
                      contents);
}

// A list of numbers of two bytes, after its length.
std::string List(std::initializer_list<uint16_t> numbers, int length_bytes) {
  std::string text;
  for (const uint16_t number : numbers) text += Number(number, 2);
  return WithLength(text, length_bytes);
}

std::string Extension(uint16_t type, const std::string& contents) {
  return absl::StrCat(Number(type, 2), WithLength(contents, 2));
}

std::string Random() {
  std::random_device device;
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += Number(device(), 4);
  return bytes;
}

// Numbers as in IANA's registry of TLS parameters.
std::string Extensions() {
  return absl::StrCat(
      // supported_versions: 1.3, 1.2
      Extension(43, List({0x0304, 0x0303}, 1)),
      // supported_groups: secp256r1, secp384r1, x25519
      Extension(10, List({23, 24, 29}, 2)),
      // signature_algorithms: ECDSA, RSA-PSS and RSA with SHA-256 to -512,
      // Ed25519
      Extension(13, List({0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806,
                          0x0401, 0x0501, 0x0601, 0x0807},
                         2)),
      // ec_point_formats: uncompressed
      Extension(11, WithLength(std::string(1, 0), 1)),
      // key_share: none
      Extension(51, WithLength("", 2)));
}

}  // namespace

std::string TlsClientHello() {
  constexpr char kHandshake = 22, kClientHello = 1;
  const std::string hello = absl::StrCat(
      Number(0x0303, 2), Random(), WithLength("", 1),  // no session
      // AES-GCM and ChaCha20 of 1.3; those with ECDHE, then with RSA, of 1.2
      List({0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9,
            0xcca8, 0x009c, 0x002f},
           2),
      WithLength(std::string(1, 0), 1),  // no compression
      WithLength(Extensions(), 2));
  const std::string message =
      absl::StrCat(std::string(1, kClientHello), WithLength(hello, 3));
  return absl::StrCat(std::string(1, kHandshake), Number(0x0301, 2),
                      WithLength(message, 2));
}

}  // namespace espalier
