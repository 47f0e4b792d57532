#include "runners/http.hpp"

#include <fmt/core.h>

#include "base/strings.hpp"
#include "net/http_client.hpp"
#include "runners/http_message.hpp"
#include "runners/outcome.hpp"
#include "value/python.hpp"

namespace squall::runners {
namespace {

// urllib3's words, which rules and workflows may look for.
std::string timeout_message(const net::HttpRequest& request) {
  const bool is_tls = starts_with_ignore_case(request.url, "https:");
  std::string_view authority = std::string_view(request.url).substr(request.url.find("://") + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  const size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && parse_int(authority.substr(colon + 1)).has_value();
  const double seconds = static_cast<double>(request.idle_timeout.count()) / 1e6;
  return fmt::format("HTTP{}ConnectionPool(host='{}', port={}): Read timed out. (read timeout={})", is_tls ? "S" : "",
                     url_host(request.url), has_port ? authority.substr(colon + 1) : is_tls ? "443" : "80",
                     python::float_repr(seconds));
}

class HttpRunner final : public Runner {
 public:
  HttpRunner(Executor& executor, net::HttpClient& client, std::string version, Random& random)
      : executor_(executor), client_(client), version_(std::move(version)), random_(random) {}

  void start(const ActionRequest& request, StopToken stop, RunHandlers handlers) override {
    auto http = http_request_of(request, version_, random_);
    if (!http) {
      executor_.post([done = std::move(handlers.on_done), outcome = failed_outcome("http-request", http.error().message())] {
        done(outcome);
      });
      return;
    }
    const std::string timeout_text = timeout_message(*http);
    client_.send(std::move(*http), stop,
                 [this, stop, timeout_text, done = std::move(handlers.on_done)](Result<net::HttpResponse> response) {
                   ActionOutcome outcome = response ? http_outcome_of(*response) : failure(response.error(), timeout_text);
                   if (!response && stop.stopped()) outcome.status = "canceled";
                   executor_.post([done, outcome = std::move(outcome)] { done(outcome); });
                 });
  }

  // What only reads may be asked again.
  bool is_idempotent(const ActionRequest& request) const override {
    const std::string method = to_upper(request.action_parameters["method"].string());
    return method == "GET" || method == "HEAD" || method == "OPTIONS";
  }
  bool uses_process() const override { return false; }

 private:
  static ActionOutcome failure(const Error& error, const std::string& timeout_text) {
    if (error.code() == ErrorCode::kTimeout) return {"timeout", Value::dict({{"error", timeout_text}}), nullptr};
    return failed_outcome("http-request", error.message());
  }

  Executor& executor_;
  net::HttpClient& client_;
  const std::string version_;
  Random& random_;
};

}  // namespace

std::unique_ptr<Runner> make_http_runner(Executor& executor, net::HttpClient& client, std::string version, Random& random) {
  return std::make_unique<HttpRunner>(executor, client, std::move(version), random);
}

}  // namespace squall::runners
