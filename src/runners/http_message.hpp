// Between the parameters of `http-request` and HTTP messages, as Python's requests library does it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "net/http_client.hpp"
#include "runners/runner.hpp"

namespace squall::runners {

// The request that the parameters describe. Errors carry upstream's words where it has any.
Result<net::HttpRequest> http_request_of(const ActionRequest& request, std::string_view version, Random& random);

// status and result of an answered request.
ActionOutcome http_outcome_of(const net::HttpResponse& response);

// "[::1]" and "user@Example.org:80" in a URL are the hosts "::1" and "example.org"; empty when there is none.
std::string url_host(std::string_view url);

// Bytes of a text in the named character set as UTF-8. What cannot be decoded becomes U+FFFD; an unknown set counts as UTF-8.
std::string decode_charset(std::string_view bytes, const std::string& charset);

}  // namespace squall::runners
