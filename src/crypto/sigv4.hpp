// AWS Signature Version 4 for requests with the signature in a header.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"

namespace squall::crypto {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

struct Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // empty: long-lived credentials
};

struct SigV4Request {
  std::string method;
  std::string url;     // "https://host[:port]/path?query"; path and query percent-encoded as they will be sent
  HeaderList headers;  // as they will be sent; Host may be missing, then it is the URL's
  std::string body;
};

// The headers to add: X-Amz-Date, X-Amz-Security-Token (with a session token) and Authorization. All given headers are
// signed except those that proxies and HTTP libraries change on the way (User-Agent, Connection, Expect, ...). The path
// is normalised and encoded once more, as every service except S3 wants it.
HeaderList sign(const SigV4Request& request, const Credentials& credentials, std::string_view region,
                std::string_view service, Timestamp now);

// "https://host:port/..." -> "host:port", without the port when it is the scheme's own: what must be sent as Host.
std::string url_host(std::string_view url);

}  // namespace squall::crypto
