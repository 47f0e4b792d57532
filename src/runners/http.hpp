// The runner `http-request`: one HTTP exchange (stackstorm-features.md C-6).
#pragma once

#include <memory>
#include <string>

#include "base/executor.hpp"
#include "base/ids.hpp"
#include "runners/runner.hpp"

namespace squall::net {
class HttpClient;
}

namespace squall::runners {

// Result {status_code, body, parsed, headers}; 200 to 206 is succeeded, other statuses are failed, silence for the time of
// `timeout` is timeout with {error}. `version` appears as "st2/v<version>" in the User-Agent header.
// Other than upstream: a list of allowed or forbidden hosts cannot be combined with allow_redirects, because a redirect
// would lead around it; credentials in the URL do not hide its host from these lists; file_content_type works.
std::unique_ptr<Runner> make_http_runner(Executor& executor, net::HttpClient& client, std::string version,
                                         Random& random = Random::system());

}  // namespace squall::runners
