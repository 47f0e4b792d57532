// Digests and HMAC (OpenSSL). Results are raw bytes; the *_hex forms give lower-case hex digits.
#pragma once

#include <string>
#include <string_view>

namespace squall::crypto {

std::string sha256(std::string_view data);
std::string sha256_hex(std::string_view data);
std::string sha512(std::string_view data);
std::string sha512_hex(std::string_view data);
// For protocols and checks that ask for them, never for secrets.
std::string sha1(std::string_view data);
std::string sha1_hex(std::string_view data);
std::string md5(std::string_view data);
std::string md5_hex(std::string_view data);

std::string hmac_sha256(std::string_view key, std::string_view data);
std::string hmac_sha256_hex(std::string_view key, std::string_view data);

// Takes the same time wherever the texts differ; for secrets and signatures.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace squall::crypto
